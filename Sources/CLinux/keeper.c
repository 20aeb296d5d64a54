// The keeper: makes spawners that may start scripts as other users than the server, and ends such
// scripts, which the server itself may not.
//
// It has the right to become the users of its table and no other right, and takes no names, only
// numbers of that table. What it does to processes it does with the rights of such a user, so the kernel
// sees to it that nobody else's are reached.
#define _GNU_SOURCE
#include "spawn.h"

#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum request_kind { MAKE_SPAWNER, SEND_SIGNAL, LOOK };

struct request {
    int32_t kind, identity, process, signal;
};

enum { DESCRIPTORS_MAX = 2, START_TIMEOUT_MS = 5000 };

union control {
    struct cmsghdr header;
    char room[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
};

// MARK: The server's side

static int ask(int keeper, const struct request *request, const struct gh_search *searches, size_t search_count,
               const int *descriptors, size_t count) {
    struct iovec pieces[2] = {{(void *)request, sizeof *request}, {(void *)searches, search_count * sizeof *searches}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
    union control control;
    memset(&control, 0, sizeof control);
    if (count > 0) {
        control.header = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.header), descriptors, count * sizeof(int));
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    }
    while (sendmsg(keeper, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        if (errno != EINTR) return errno;
    }
    return 0;
}

int gh_keeper_make_spawner(int keeper, int *socket, struct gh_board **board) {
    int ends[2];
    int file = memfd_create("gh-spawner", MFD_CLOEXEC);
    if (file < 0) return errno;
    void *memory = MAP_FAILED;
    if (ftruncate(file, sizeof(struct gh_board)) == 0)
        memory = mmap(NULL, sizeof(struct gh_board), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    int error = memory == MAP_FAILED ? errno : 0;
    if (!error && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0) error = errno;
    if (!error) {
        struct request request = {.kind = MAKE_SPAWNER};
        error = ask(keeper, &request, NULL, 0, (int[]){ends[1], file}, 2);
        close(ends[1]);
        if (error) close(ends[0]);
    }
    close(file);
    if (error) {
        if (memory != MAP_FAILED) gh_spawner_forget(memory);
        return error;
    }
    *socket = ends[0];
    *board = memory;
    return 0;
}

int gh_keeper_signal(int keeper, int32_t identity, int32_t process, int signal) {
    struct request request = {.kind = SEND_SIGNAL, .identity = identity, .process = process, .signal = signal};
    return ask(keeper, &request, NULL, 0, NULL, 0);
}

int gh_keeper_look(int keeper, int32_t identity, const struct gh_search *searches, size_t count, int answer) {
    if (count > GH_SEARCHES_MAX) return E2BIG;
    struct request request = {.kind = LOOK, .identity = identity};
    return ask(keeper, &request, searches, count, &answer, 1);
}

// MARK: The keeper's side

// A fork, but a child of the server's as scripts are.
static void make_spawner(const struct gh_keeper_plan *plan, int socket, int file) {
    struct gh_board *board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (board == MAP_FAILED) return;
    if (syscall(SYS_clone, CLONE_PARENT | CLONE_PARENT_SETTID, NULL, &board->pid, NULL, NULL) == 0) {
        gh_spawner_serve(gh_prepare_helper(socket, "gh-spawner"), board, plan->identities, plan->count);
        _exit(0);
    }
    gh_spawner_forget(board);
}

static void send_signal(const struct gh_identity *identity, int32_t process, int signal) {
    uid_t own = getuid();
    // Not to all that the user has (-1), nor to its own group (0).
    if (process == 0 || process == -1) return;
    if (gh_act_as(identity->user) < 0) return;
    kill(process, signal);
    if (gh_act_as(own) < 0) _exit(1);
}

static void look(
    const struct gh_keeper_plan *plan, const struct gh_identity *identity, int socket, const struct gh_search *searches,
    size_t count, int answer) {
    static uint8_t found[GH_SEARCHES_MAX];
    if (_Fork() != 0) return;
    close(socket);
    if (gh_become(identity) < 0) _exit(1);
    plan->look(searches, count, found);
    while (write(answer, found, count) < 0 && errno == EINTR) {}
    _exit(0);
}

static void serve(const struct gh_keeper_plan *plan, int socket) {
    static struct gh_search searches[GH_SEARCHES_MAX];
    while (true) {
        struct request request;
        struct iovec pieces[2] = {{&request, sizeof request}, {searches, sizeof searches}};
        union control control;
        struct msghdr message = {
            .msg_iov = pieces, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};
        ssize_t count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return;
        int descriptors[DESCRIPTORS_MAX] = {-1, -1};
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
            memcpy(descriptors, CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0));
        if ((size_t)count >= sizeof request) {
            const struct gh_identity *identity = NULL;
            if (request.identity >= 0 && (size_t)request.identity < plan->count)
                identity = &plan->identities[request.identity];
            size_t search_count = ((size_t)count - sizeof request) / sizeof *searches;
            if (request.kind == MAKE_SPAWNER && descriptors[1] >= 0)
                make_spawner(plan, descriptors[0], descriptors[1]);
            else if (request.kind == SEND_SIGNAL && identity)
                send_signal(identity, request.process, request.signal);
            else if (request.kind == LOOK && identity && descriptors[0] >= 0)
                look(plan, identity, socket, searches, search_count, descriptors[0]);
        }
        for (int i = 0; i < DESCRIPTORS_MAX; i++) {
            if (descriptors[i] >= 0) close(descriptors[i]);
        }
    }
}

// The child's part; what it has from the server's memory nobody changes any more.
static void run(const struct gh_keeper_plan *plan, int end) {
    int socket = gh_prepare_helper(end, "gh-keeper");
    gh_spawner_set_files(plan->files);
    // Its own children are nobody's to wait for. Spawners take the default again.
    signal(SIGCHLD, SIG_IGN);
    uint64_t kept = 1ULL << CAP_SETUID | 1ULL << CAP_SETGID;
    int32_t error = gh_become_keeping(plan->own, kept, plan->keeps_bounds) < 0 ? errno : 0;
    send(socket, &error, sizeof error, MSG_NOSIGNAL);
    if (!error) serve(plan, socket);
}

static int wait_until_ready(int socket) {
    struct pollfd event = {.fd = socket, .events = POLLIN};
    int32_t error = ETIMEDOUT;
    if (poll(&event, 1, START_TIMEOUT_MS) == 1 && recv(socket, &error, sizeof error, 0) != sizeof error) error = ECHILD;
    return error;
}

int gh_keeper_start(const struct gh_keeper_plan *plan, int32_t *pid, int *socket) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0) return errno;
    pid_t child = _Fork();
    if (child == 0) {
        run(plan, ends[1]);
        _exit(0);
    }
    int error = child < 0 ? errno : 0;
    close(ends[1]);
    if (!error) error = wait_until_ready(ends[0]);
    if (error) {
        close(ends[0]);
        return error;
    }
    *pid = child;
    *socket = ends[0];
    return 0;
}
