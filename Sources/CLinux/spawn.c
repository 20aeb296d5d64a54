// Starting a script from a thread of the server. The child shares the server's memory until exec (CLONE_VM) and the calling
// thread waits for that (CLONE_VFORK), so nothing is copied however large the server is. Between
// clone and exec only async-signal-safe calls are made, and no memory of the server is written but
// the plan's own result.
#define _GNU_SOURCE
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

// Puts the three streams onto 0, 1 and 2 whatever their present numbers are.
static int place_streams(const struct gh_spawn *plan) {
    int from[3] = {plan->standard_in, plan->standard_out, plan->standard_err};
    if (from[0] < 0 && (from[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0) return -1;
    for (int i = 0; i < 3; i++) {
        if (from[i] < 3 && from[i] != i) {
            from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 3);
            if (from[i] < 0) return -1;
        }
    }
    for (int i = 0; i < 3; i++) {
        if (from[i] == i) {
            if (fcntl(i, F_SETFD, 0) < 0) return -1;
        } else if (dup2(from[i], i) < 0) {
            return -1;
        }
    }
    return 0;
}

bool gh_stay_on(int32_t processor) {
    cpu_set_t one;
    if (processor < 0 || processor >= CPU_SETSIZE) return false;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    return sched_setaffinity(0, sizeof one, &one) == 0;
}

void gh_run_on(const struct gh_processor_set *processors) {
    // Of those that are not there, the kernel takes the others.
    if (sched_setaffinity(0, sizeof processors->set, &processors->set) == 0) return;
    cpu_set_t all;
    memset(&all, 0xff, sizeof all);
    sched_setaffinity(0, sizeof all, &all);
}

bool gh_get_processors(struct gh_processor_set *processors) {
    return sched_getaffinity(0, sizeof processors->set, &processors->set) == 0;
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

int gh_child_main(void *argument) {
    struct gh_child *state = argument;
    const struct gh_spawn *plan = state->plan;

    state->step = GH_STEP_GROUP;
    if (setpgid(0, 0) < 0) goto failed;
    if (state->identity) {
        state->step = GH_STEP_USER;
        if (gh_become(state->identity) < 0) goto failed;
    }
    if (plan->no_new_privileges) {
        state->step = GH_STEP_PRIVILEGES;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) goto failed;
    }
    if (plan->ruleset >= 0) {
        // Nothing below writes to a file.
        state->step = GH_STEP_WRITE_RULES;
        if (syscall(SYS_landlock_restrict_self, plan->ruleset, 0) < 0) goto failed;
    }
    state->step = GH_STEP_FOLDER;
    if (chdir(plan->folder) < 0) goto failed;
    state->step = GH_STEP_STREAMS;
    if (place_streams(plan) < 0) goto failed;
    if (!state->is_prepared && syscall(SYS_close_range, 3, ~0U, 0) < 0) goto failed;
    state->step = GH_STEP_LIMIT;
    for (size_t i = 0; i < plan->limit_count; i++) {
        const struct gh_limit *limit = &plan->limits[i];
        if (state->is_prepared && limit->resource == state->files.resource && limit->soft == state->files.soft &&
            limit->hard == state->files.hard)
            continue;
        if (gh_set_limit(limit->resource, limit->soft, limit->hard) < 0) goto failed;
    }
    gh_take_mark(plan->mark, state->mark_limit);
    if (!state->is_prepared) gh_restore_priority();
    if (plan->nice != 0) {
        errno = 0;
        if (nice(plan->nice) == -1 && errno != 0) goto failed;
    }
    bool is_there = state->processors && state->processor == plan->processor;
    if (plan->processor >= 0 && !is_there) {
        gh_begin_on(plan->processor, state->processors);
    } else if (state->processors) {
        gh_run_on(state->processors);
    }
    if (!state->is_prepared) {
        // What lets the server bind low ports is not for scripts.
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        gh_reset_signals();
        gh_unblock_signals();
    }
    state->step = GH_STEP_EXEC;
    execve(plan->path, plan->argv, plan->envp);
failed:
    state->error = errno;
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
    struct gh_child state = {.plan = plan, .mark_limit = gh_mark_limit(), .step = GH_STEP_CLONE};
    sigset_t all, before;
    sigfillset(&all);
    // A handler that ran in the child would run in the server's memory.
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t child = clone(gh_child_main, stack + GH_STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, &state);
    int error = child < 0 ? errno : state.error;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    *step = state.step;
    if (child < 0) return error;
    if (error != 0) {
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
        return error;
    }
    *step = GH_STEP_NONE;
    *pid = child;
    return 0;
}
