// What a script's process does before its exec, and starting one from a thread of the server. The child shares its
// parent's memory until exec (CLONE_VM), so nothing is copied however large the server is. Between clone and exec only
// async-signal-safe calls are made, and no memory of the parent is written but the plan's own result.
#define _GNU_SOURCE
#include "call.h"
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool has_come_first;
static int original_priority;

int gh_come_first(int steps) {
    errno = 0;
    int priority = getpriority(PRIO_PROCESS, 0);
    if (errno != 0 || setpriority(PRIO_PROCESS, 0, priority - steps) < 0) return -1;
    has_come_first = true;
    original_priority = priority;
    // The permission was for the server and not for its scripts.
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_NICE, &none);
    return 0;
}

void gh_restore_priority(void) {
    if (has_come_first) setpriority(PRIO_PROCESS, 0, original_priority);
}

void gh_reset_signals(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; signal++) {
        if (signal != SIGKILL && signal != SIGSTOP) sigaction(signal, &action, NULL);
    }
}

void gh_unblock_signals(void) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

// Puts the three streams onto 0, 1 and 2 whatever their present numbers are. Returns 0 or an errno, negated.
static long place_streams(const struct gh_spawn *plan) {
    long from[3] = {plan->standard_in, plan->standard_out, plan->standard_err};
    if (from[0] < 0) {
        from[0] = gh_call(SYS_openat, AT_FDCWD, (long)"/dev/null", O_RDONLY | O_CLOEXEC, 0, 0);
        if (from[0] < 0) return from[0];
    }
    for (int i = 0; i < 3; i++) {
        if (from[i] < 3 && from[i] != i) {
            from[i] = gh_call(SYS_fcntl, from[i], F_DUPFD_CLOEXEC, 3, 0, 0);
            if (from[i] < 0) return from[i];
        }
    }
    for (int i = 0; i < 3; i++) {
        long result = from[i] == i ? gh_call(SYS_fcntl, i, F_SETFD, 0, 0, 0) : gh_call(SYS_dup3, from[i], i, 0, 0, 0);
        if (result < 0) return result;
    }
    return 0;
}

static long run_on(const cpu_set_t *set) { return gh_call(SYS_sched_setaffinity, 0, sizeof *set, (long)set, 0, 0); }

bool gh_stay_on(int32_t processor) {
    cpu_set_t one;
    if (processor < 0 || processor >= CPU_SETSIZE) return false;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    return run_on(&one) == 0;
}

void gh_run_on(const struct gh_processor_set *processors) {
    // Of those that are not there, the kernel takes the others.
    if (run_on(&processors->set) == 0) return;
    cpu_set_t all;
    memset(&all, 0xff, sizeof all);
    run_on(&all);
}

bool gh_get_processors(struct gh_processor_set *processors) {
    CPU_ZERO(&processors->set);
    return gh_call(SYS_sched_getaffinity, 0, sizeof processors->set, (long)&processors->set, 0, 0) > 0;
}

void gh_begin_on(int32_t processor, const struct gh_processor_set *processors) {
    struct gh_processor_set own;
    if (!processors && gh_get_processors(&own)) processors = &own;
    // A spawner's child has to leave its one processor in any case.
    if (processors) {
        gh_stay_on(processor);
        gh_run_on(processors);
    }
}

static long be_nicer(int steps) {
    // The kernel counts from 40 down to 1, so that none is below 0.
    long priority = gh_call(SYS_getpriority, PRIO_PROCESS, 0, 0, 0, 0);
    return priority < 0 ? priority : gh_call(SYS_setpriority, PRIO_PROCESS, 0, 20 - priority + steps, 0, 0);
}

// Comes back only where a step fails: with the errno, negated.
static long prepare_and_execute(const struct gh_child *state, enum gh_spawn_step *step) {
    const struct gh_spawn *plan = state->plan;
    long result;

    // However long the exec takes, the server is to see when the spawner has ended.
    if (state->is_prepared) gh_call(SYS_close, GH_HELPER_SOCKET, 0, 0, 0, 0);
    *step = GH_STEP_GROUP;
    if ((result = gh_call(SYS_setpgid, 0, 0, 0, 0, 0)) < 0) return result;
    if (state->identity) {
        *step = GH_STEP_USER;
        // The parent waits: no errno but this one's.
        if (gh_become(state->identity) < 0) return -errno;
    }
    if (plan->no_new_privileges) {
        *step = GH_STEP_PRIVILEGES;
        if ((result = gh_call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) < 0) return result;
    }
    if (plan->ruleset >= 0) {
        // Nothing below writes to a file.
        *step = GH_STEP_WRITE_RULES;
        if ((result = gh_call(SYS_landlock_restrict_self, plan->ruleset, 0, 0, 0, 0)) < 0) return result;
    }
    *step = GH_STEP_FOLDER;
    if ((result = gh_call(SYS_chdir, (long)plan->folder, 0, 0, 0, 0)) < 0) return result;
    *step = GH_STEP_STREAMS;
    if ((result = place_streams(plan)) < 0) return result;
    if (!state->is_prepared && (result = gh_call(SYS_close_range, 3, ~0U, 0, 0, 0)) < 0) return result;
    *step = GH_STEP_LIMIT;
    for (size_t i = 0; i < plan->limit_count; i++) {
        const struct gh_limit *limit = &plan->limits[i];
        if (state->is_prepared && limit->resource == state->files.resource && limit->soft == state->files.soft &&
            limit->hard == state->files.hard)
            continue;
        struct rlimit both = {.rlim_cur = limit->soft, .rlim_max = limit->hard};
        if ((result = gh_call(SYS_prlimit64, 0, limit->resource, (long)&both, 0, 0)) < 0) return result;
    }
    gh_take_mark(plan->mark, state->mark_limit);
    if (!state->is_prepared) gh_restore_priority();
    if (plan->nice != 0 && (result = be_nicer(plan->nice)) < 0) return result;
    bool is_there = state->processors && state->processor == plan->processor;
    if (plan->processor >= 0 && !is_there) {
        gh_begin_on(plan->processor, state->processors);
    } else if (state->processors) {
        gh_run_on(state->processors);
    }
    if (!state->is_prepared) {
        // What lets the server bind low ports is not for scripts.
        gh_call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        gh_reset_signals();
        gh_unblock_signals();
    }
    *step = GH_STEP_EXEC;
    return gh_call(SYS_execve, (long)plan->path, (long)plan->argv, (long)plan->envp, 0, 0);
}

int gh_child_main(void *argument) {
    const struct gh_child *state = argument;
    enum gh_spawn_step step;
    long result = prepare_and_execute(state, &step);
    state->reply->step = (int32_t)step;
    state->reply->error = (int32_t)-result;
    _exit(127);
}

int gh_spawn(const struct gh_spawn *plan, int32_t *pid, enum gh_spawn_step *step) {
    if (plan->identity >= 0) {
        *step = GH_STEP_USER;
        return EPERM;
    }
    // The thread waits for the exec, so one stack for each thread is enough.
    static __thread char *stack;
    if (!stack) {
        void *memory = mmap(NULL, GH_STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        if (memory == MAP_FAILED) {
            *step = GH_STEP_CLONE;
            return errno;
        }
        stack = memory;
    }
    struct gh_spawn_reply reply = {.step = GH_STEP_NONE};
    struct gh_child state = {.plan = plan, .mark_limit = gh_mark_limit(), .reply = &reply};
    sigset_t all, before;
    sigfillset(&all);
    // A handler that ran in the child would run in the server's memory.
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t child = clone(gh_child_main, stack + GH_STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, &state);
    if (child < 0) reply = (struct gh_spawn_reply){.step = GH_STEP_CLONE, .error = errno};
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    *step = (enum gh_spawn_step)reply.step;
    if (reply.error == 0) *pid = child;
    else if (child > 0)
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
    return reply.error;
}
