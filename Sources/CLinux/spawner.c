// The spawner: a process that starts scripts, so that no thread of the server waits for an exec.
//
// It is forked while the server is small and has few descriptors; a clone and an exec cost less from
// there, and the kernel's figure for a script's memory does not begin with that of the server. The
// scripts are children of the server all the same (CLONE_PARENT). It makes system calls only and
// touches none of the memory that it has from the server.
//
// It does not wait for an exec either. A child works in its memory until then, in a place of its own.
#define _GNU_SOURCE
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
    // Below what a socket takes for one message where nobody has changed that.
    MESSAGE_SIZE = 192 * 1024,
    DESCRIPTORS_MAX = 4,
    STRINGS_MAX = 2048,
    LIMITS_MAX = 16,
};

// What a message begins with; path, folder, arguments and variables follow, each ended by a zero.
struct header {
    uint32_t arguments, variables, limits;
    int32_t nice;
    int32_t identity;
    bool has_input, has_ruleset, no_new_privileges;
    int32_t processor, spawner_processor;
    uint64_t mark;
    struct gh_limit limit[LIMITS_MAX];
};

union control {
    struct cmsghdr header;
    char room[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
};

// MARK: The server's side

int gh_spawner_send(int socket, const struct gh_spawn *plan, struct gh_board *board, uint32_t number) {
    struct header header = {
        .nice = plan->nice,
        .identity = plan->identity,
        .has_input = plan->standard_in >= 0,
        .has_ruleset = plan->ruleset >= 0,
        .no_new_privileges = plan->no_new_privileges,
        .processor = plan->processor,
        .spawner_processor = plan->spawner_processor,
        .mark = plan->mark,
    };
    if (plan->limit_count > LIMITS_MAX) return E2BIG;
    header.limits = (uint32_t)plan->limit_count;
    for (size_t i = 0; i < plan->limit_count; i++) header.limit[i] = plan->limits[i];
    header.arguments = (uint32_t)plan->arguments.count;
    header.variables = (uint32_t)plan->variables.count;
    // None is written to.
    struct iovec pieces[] = {
        {&header, sizeof header},
        {(char *)plan->path, strlen(plan->path) + 1},
        {(char *)plan->folder, strlen(plan->folder) + 1},
        {(char *)plan->arguments.bytes, plan->arguments.size},
        {(char *)plan->variables.bytes, plan->variables.size},
    };
    enum { PIECES = sizeof pieces / sizeof *pieces };
    size_t texts = 0;
    for (size_t i = 1; i < PIECES; i++) texts += pieces[i].iov_len;
    if (texts > MESSAGE_SIZE || plan->arguments.count + plan->variables.count + 2 > STRINGS_MAX) return E2BIG;

    int descriptors[DESCRIPTORS_MAX] = {plan->standard_out, plan->standard_err};
    size_t count = 2;
    if (header.has_input) descriptors[count++] = plan->standard_in;
    if (header.has_ruleset) descriptors[count++] = plan->ruleset;
    size_t size = count * sizeof(int);
    union control control;
    memset(&control, 0, sizeof control);
    control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(size), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), descriptors, size);
    struct msghdr message = {
        .msg_iov = pieces, .msg_iovlen = PIECES, .msg_control = &control, .msg_controllen = CMSG_SPACE(size)};
    board->replies[number % GH_BOARD_SIZE] = (struct gh_spawn_reply){0};
    while (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        if (errno == EINTR) continue;
        return errno == EMSGSIZE ? E2BIG : errno;
    }
    return 0;
}

int32_t gh_spawner_pid(const struct gh_board *board) { return board->pid; }

uint32_t gh_spawner_begun(const struct gh_board *board) { return atomic_load(&board->begun); }

bool gh_spawner_has_replied(const struct gh_board *board, uint32_t number, struct gh_spawn_reply *reply) {
    const struct gh_spawn_reply *place = &board->replies[number % GH_BOARD_SIZE];
    if (__atomic_load_n(&place->is_starting, __ATOMIC_ACQUIRE) != 0) return false;
    *reply = *place;
    return true;
}

int32_t gh_spawner_child(const struct gh_board *board, uint32_t number) {
    return __atomic_load_n(&board->replies[number % GH_BOARD_SIZE].pid, __ATOMIC_ACQUIRE);
}

bool gh_helper_lives(int socket) {
    struct pollfd event = {.fd = socket};
    return poll(&event, 1, 0) == 0;
}

void gh_spawner_forget(struct gh_board *board) { munmap(board, sizeof *board); }

int gh_pidfd_open(int32_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int gh_pidfd_signal(int pidfd, int signal) { return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0); }

// MARK: The spawner's side

// A plan, and all that its child has of the spawner's until it comes to its exec.
struct place {
    char stack[GH_STACK_SIZE] __attribute__((aligned(16)));
    struct header header;
    char room[MESSAGE_SIZE + 1];
    char *strings[STRINGS_MAX + 2];
    struct gh_spawn plan;
    struct gh_child child;
    struct gh_processor_set processors;
    // Of the last plan; NULL before the first.
    struct gh_spawn_reply *reply;
};

// So many children may be on their way to their exec.
enum { PLACES = 4 };

// Its own, zero in the server, where nobody touches it.
static struct {
    struct place places[PLACES];
    struct gh_limit files;
    uint64_t mark_limit;
    const struct gh_identity *identities;
    size_t identity_count;
    // Where it stays, -1 for anywhere, and what it had before.
    int32_t processor;
    struct gh_processor_set processors;
} own = {.files = {.resource = -1}, .processor = -1};

static bool is_free(const struct place *place) {
    return !place->reply || __atomic_load_n(&place->reply->is_starting, __ATOMIC_ACQUIRE) == 0;
}

// Waits for one where there is none.
static struct place *free_place(void) {
    // The kernel tells who waits for a certain one, but any may be the first.
    struct timespec pause = {.tv_nsec = 1000000};
    for (;; pause.tv_nsec *= pause.tv_nsec < 64000000 ? 2 : 1) {
        for (int i = 0; i < PLACES; i++) {
            if (is_free(&own.places[i])) return &own.places[i];
        }
        syscall(SYS_futex, &own.places[0].reply->is_starting, FUTEX_WAIT, 1, &pause, NULL, 0);
    }
}

// Receives a plan and its descriptors. 0: the server is gone.
static ssize_t receive(int socket, struct place *place, int descriptors[DESCRIPTORS_MAX]) {
    struct iovec pieces[2] = {{&place->header, sizeof place->header}, {place->room, MESSAGE_SIZE}};
    union control control;
    struct msghdr message = {
        .msg_iov = pieces, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t count;
    do count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (count < 0 && errno == EINTR);
    if (count <= 0) return 0;
    for (int i = 0; i < DESCRIPTORS_MAX; i++) descriptors[i] = -1;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
        memcpy(descriptors, CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0));
    return count;
}

// Makes the plan of what has come; false where that is not all of one.
static bool read_plan(struct place *place, size_t size, const int descriptors[DESCRIPTORS_MAX]) {
    const struct header *header = &place->header;
    if (size < sizeof *header || header->limits > LIMITS_MAX || header->arguments > STRINGS_MAX ||
        header->variables > STRINGS_MAX || header->arguments + header->variables + 2 > STRINGS_MAX)
        return false;
    char *at = place->room, *end = place->room + (size - sizeof *header);
    char *names[2] = {NULL, NULL};
    size_t next = 0, wanted = header->arguments + header->variables;
    for (size_t i = 0; i < wanted + 2; i++) {
        char *zero = memchr(at, 0, (size_t)(end - at));
        if (!zero) return false;
        if (i < 2) {
            names[i] = at;
        } else {
            if (i - 2 == header->arguments) place->strings[next++] = NULL;
            place->strings[next++] = at;
        }
        at = zero + 1;
    }
    // Where there are no variables, the loop did not come by their beginning.
    if (header->variables == 0) place->strings[next++] = NULL;
    place->strings[next] = NULL;
    place->plan = (struct gh_spawn){
        .path = names[0],
        .folder = names[1],
        .argv = place->strings,
        .envp = place->strings + header->arguments + 1,
        // Its own stdin, which reads nothing.
        .standard_in = header->has_input ? descriptors[2] : STDIN_FILENO,
        .standard_out = descriptors[0],
        .standard_err = descriptors[1],
        .ruleset = header->has_ruleset ? descriptors[header->has_input ? 3 : 2] : -1,
        .identity = header->identity,
        .no_new_privileges = header->no_new_privileges,
        .nice = header->nice,
        .processor = header->processor,
        .spawner_processor = header->spawner_processor,
        .mark = header->mark,
        .limits = header->limit,
        .limit_count = header->limits,
    };
    // A ruleset that did not come must not be one that nobody asked for.
    return !header->has_ruleset || place->plan.ruleset >= 0;
}

static void stay_on(int32_t processor) {
    if (processor == own.processor) return;
    if (processor < 0) {
        gh_run_on(&own.processors);
        own.processor = -1;
    } else if ((own.processor >= 0 || gh_get_processors(&own.processors)) && gh_stay_on(processor)) {
        own.processor = processor;
    }
}

static void spawn(struct place *place) {
    const struct gh_spawn *plan = &place->plan;
    struct gh_spawn_reply *reply = place->reply;
    struct gh_child *child = &place->child;
    *child = (struct gh_child){
        .plan = plan, .is_prepared = true, .files = own.files, .mark_limit = own.mark_limit, .reply = reply};
    if (own.processor >= 0) {
        place->processors = own.processors;
        child->processors = &place->processors;
        child->processor = own.processor;
    }
    if (plan->identity >= 0 && (size_t)plan->identity < own.identity_count)
        child->identity = &own.identities[plan->identity];
    // A number that is none, or none where there have to be.
    if (!child->identity && (plan->identity >= 0 || own.identity_count > 0)) {
        *reply = (struct gh_spawn_reply){.step = GH_STEP_USER, .error = EPERM};
        return;
    }
    // Who becomes another user sets errno.
    int waits = child->identity ? CLONE_VFORK : 0;
    reply->is_starting = 1;
    pid_t number =
        clone(gh_child_main, place->stack + sizeof place->stack,
              CLONE_VM | CLONE_PARENT | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | waits, child, &reply->pid, NULL,
              &reply->is_starting);
    if (number < 0) *reply = (struct gh_spawn_reply){.step = GH_STEP_CLONE, .error = errno};
}

static void nothing(int signal) { (void)signal; }

int gh_prepare_helper(int socket, const char *name) {
    // Signals for the whole process group are meant for the server. A handler, for unlike an ignored
    // signal it does not go on in the scripts.
    gh_reset_signals();
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = nothing;
    action.sa_flags = SA_RESTART;
    const int ours[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT, SIGALRM};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) sigaction(ours[i], &action, NULL);
    gh_unblock_signals();

    if (socket != GH_HELPER_SOCKET && dup3(socket, GH_HELPER_SOCKET, O_CLOEXEC) < 0) _exit(1);
    if (syscall(SYS_close_range, GH_HELPER_SOCKET + 1, ~0U, 0) < 0) _exit(1);
    close(STDIN_FILENO);
    if (open("/dev/null", O_RDWR) != STDIN_FILENO) _exit(1);
    if (dup2(STDIN_FILENO, STDOUT_FILENO) < 0 || dup2(STDIN_FILENO, STDERR_FILENO) < 0) _exit(1);
    fcntl(GH_HELPER_SOCKET, F_SETFL, 0);
    // No folder's file system is held back.
    if (chdir("/") < 0) _exit(1);
    // What lets the server bind low ports is not for scripts.
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    prctl(PR_SET_NAME, name, 0, 0, 0);
    gh_restore_priority();
    return GH_HELPER_SOCKET;
}

void gh_spawner_set_files(const struct gh_limit *files) {
    own.files = (struct gh_limit){.resource = -1};
    if (files && gh_set_limit(files->resource, files->soft, files->hard) == 0) own.files = *files;
}

void gh_spawner_serve(int socket, struct gh_board *board, const struct gh_identity *identities, size_t count) {
    int descriptors[DESCRIPTORS_MAX];
    ssize_t size;
    own.identities = identities;
    own.identity_count = count;
    own.mark_limit = gh_mark_limit();
    struct place *place = own.places;
    while ((size = receive(socket, place, descriptors)) > 0) {
        uint32_t number = atomic_load(&board->begun);
        place->reply = &board->replies[number % GH_BOARD_SIZE];
        // A reply without a number says that there is no child, so the kernel must not fail to write it.
        *place->reply = (struct gh_spawn_reply){0};
        if (read_plan(place, (size_t)size, descriptors)) {
            stay_on(place->plan.spawner_processor);
            spawn(place);
        } else {
            *place->reply = (struct gh_spawn_reply){.step = GH_STEP_CLONE, .error = EBADMSG};
        }
        atomic_store(&board->begun, number + 1);
        for (int i = 0; i < DESCRIPTORS_MAX; i++) {
            if (descriptors[i] >= 0) close(descriptors[i]);
        }
        place = free_place();
    }
}

pid_t gh_fork_helper(const char *name, int *socket) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0) return -1;
    // Until the child has its own handlers, the server's would run in it.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    // Without handlers of fork(3), which are not for a process with other threads.
    pid_t child = _Fork();
    if (child == 0) {
        *socket = gh_prepare_helper(ends[1], name);
        return 0;
    }
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    *socket = ends[0];
    if (child < 0) {
        close(ends[0]);
        errno = error;
    }
    return child;
}

int gh_spawner_start(const struct gh_limit *files, int *socket, struct gh_board **board) {
    void *shared = mmap(NULL, sizeof(struct gh_board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return errno;
    pid_t child = gh_fork_helper("gh-spawner", socket);
    if (child == 0) {
        gh_spawner_set_files(files);
        gh_spawner_serve(*socket, shared, NULL, 0);
        _exit(0);
    }
    if (child < 0) {
        int error = errno;
        gh_spawner_forget(shared);
        return error;
    }
    *board = shared;
    (*board)->pid = child;
    return 0;
}
