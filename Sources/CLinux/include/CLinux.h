// What Linux offers and Swift's Glibc module does not show. Thin on purpose: no policy here.
#ifndef GATEHOUSE_CLINUX_H
#define GATEHOUSE_CLINUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// No system header that Glibc's module shows is included, so that its types keep one home in Swift.

// Descriptors, all born close-on-exec.
int gh_accept(int listener, void *address, uint32_t *length);
int gh_pipe(int ends[2], int flags);
int gh_epoll_create(void);

// As struct epoll_event.
struct gh_event {
    uint32_t events;
    uint64_t token;
}
#ifdef __x86_64__
__attribute__((packed))
#endif
;
enum gh_event_bit {
    GH_IN = 0x001,
    GH_OUT = 0x004,
    GH_ERR = 0x008,
    GH_HUP = 0x010,
    GH_RDHUP = 0x2000,
};
// Edge-triggered.
int gh_epoll_add(int epoll, int fd, uint32_t events, uint64_t token);
int gh_epoll_remove(int epoll, int fd);
int gh_epoll_wait(int epoll, struct gh_event *events, int count, int timeout_ms);
// For short waits. Rounds up to milliseconds where the kernel cannot do better.
int gh_epoll_wait_precisely(int epoll, struct gh_event *events, int count, int64_t timeout_ns);
int gh_eventfd(void);

// recv(2) without flags, and send(2). The C library takes its own for points where a thread may be
// cancelled, which in a program with threads costs two more calls each; nobody cancels threads here.
long gh_recv(int fd, void *room, size_t count);
long gh_send(int fd, const void *bytes, size_t count, int flags);

// Whether all that was written to a socket has arrived, so that the kernel takes a small piece unless memory is short.
bool gh_has_nothing_to_send(int socket);
// Pieces for sockets that do not block, which leave with one system call. A socket has one of them at most. SIGPIPE has
// to be ignored.
struct gh_outbox;
enum { GH_OUTBOX_COUNT = 32 };
// NULL: there is no such call, or none is allowed.
struct gh_outbox *gh_outbox_create(void);
void gh_outbox_destroy(struct gh_outbox *box);
// Copies a piece; false where there is no room for it.
bool gh_outbox_put(struct gh_outbox *box, int socket, const void *bytes, size_t size);
// What came of a piece.
struct gh_outbox_end {
    const char *rest;  // that was not taken, and may be later
    size_t rest_size;
    bool has_failed;   // nothing more can be sent
};
// Sends them all and forgets them. Returns their ends, in their order, which are valid until the next piece is put.
const struct gh_outbox_end *gh_outbox_send(struct gh_outbox *box);

int gh_dup_onto(int from, int onto);
int gh_temporary_file(char *name_template);

// An exclusive lock of the whole file that belongs to the open file and ends with its last descriptor.
// Taking it never waits: EAGAIN where somebody else has it. Asking takes none.
int gh_lock_file(int fd);
int gh_file_is_locked(int fd);

// openat2(2). `resolve` takes GH_RESOLVE_*.
#define GH_RESOLVE_BENEATH 0x08
#define GH_RESOLVE_NO_SYMLINKS 0x04
#define GH_RESOLVE_NO_MAGICLINKS 0x02
int gh_openat2(int folder, const char *path, int flags, uint64_t resolve);
extern const int gh_o_path;

// Whether more than its mode says who may do what with it (a POSIX ACL).
bool gh_has_access_list(const char *path);

// pread(2) of what is in memory: -1 with EAGAIN instead of a wait for the disk, fewer bytes where only
// some are. On a file system that cannot tell it is pread itself.
long gh_pread_now(int file, void *buffer, size_t count, int64_t offset);

// Exit status of a child, which is gone from the system after it. 1: ended, 0: still running, -1: errno.
struct gh_exit {
    int32_t code;      // exit status, or the signal's number
    bool signaled;
    bool dumped_core;
    int64_t cpu_us;    // user and system time of the child and what it waited for
    int64_t peak_kb;   // largest resident set
};
int gh_wait_child(int32_t pid, struct gh_exit *out);
// Nanoseconds that a process has run, and was ready to run and had no processor; -1 where the kernel does not say.
int gh_time_used(int32_t pid, int64_t *computing, int64_t *waiting);
// Whether the kernel is ending a process, or has. -1: not known.
int gh_is_exiting(int32_t pid);
// What a running process has used: of processor time, with what it waited for, in microseconds and as fine as
// the kernel counts; of memory, the largest resident set in KiB, -1 where there is none any more. -1: no such process.
int gh_usage(int32_t pid, int64_t *cpu_us, int64_t *peak_kb);

// A script's start. Everything between fork and exec is async-signal-safe.
enum gh_spawn_step {
    GH_STEP_NONE = 0,
    GH_STEP_CLONE,
    GH_STEP_GROUP,
    GH_STEP_LIMIT,
    GH_STEP_FOLDER,
    GH_STEP_STREAMS,
    GH_STEP_USER,
    GH_STEP_PRIVILEGES,
    GH_STEP_WRITE_RULES,
    GH_STEP_EXEC,
};
struct gh_limit {
    int resource;      // RLIMIT_*
    uint64_t soft;
    uint64_t hard;
};
// One behind the other, each with its zero.
struct gh_strings {
    const char *bytes;
    size_t size;
    size_t count;
};
struct gh_spawn {
    const char *path;          // absolute
    const char *folder;        // working directory
    // For gh_spawner_send. The first argument is the program's name.
    struct gh_strings arguments, variables;
    // The same as execve takes them: for gh_spawn.
    char *const *argv;
    char *const *envp;
    int standard_in;           // -1 for nothing to read
    int standard_out;
    int standard_err;
    int nice;
    int32_t processor;         // where it begins; it may be moved. -1: anywhere
    int32_t spawner_processor; // where the spawner that gets it stays until another plan says otherwise. -1: anywhere
    uint64_t mark;             // 0: none
    const struct gh_limit *limits;
    size_t limit_count;
    // A number of the keeper's table; -1: whom the server is.
    int32_t identity;
    // What it may write to, of gh_landlock_create; -1: all that its user may.
    int ruleset;
    bool no_new_privileges;
};
// Starts it from this thread, which waits for the exec. Returns 0 and fills `pid`, or an errno and the
// step that failed.
int gh_spawn(const struct gh_spawn *plan, int32_t *pid, enum gh_spawn_step *step);

// Puts this thread, and those that it starts, so many steps of nice(2) before the scripts. -1: that is
// not allowed.
int gh_come_first(int steps);

// The spawner: a small process that starts scripts for one event loop, as children of the server.
// It lives until the other end of its socket is closed.
struct gh_spawn_reply {
    int32_t pid;         // of the child, also of one that failed before its exec; 0 where there is none
    int32_t is_starting; // not 0: the child has neither come to its exec nor ended; the kernel sets it to 0
    int32_t step;        // enum gh_spawn_step
    int32_t error;       // errno, 0 where it runs
};
// Memory that the spawner shares, where it and the children that it begins tell what came of the plans.
struct gh_board;
// Plans that may be without a reply at once.
enum { GH_BOARD_SIZE = 256 };
// Returns 0 and fills `socket`, which does not block, and `board`, or an errno. `files` is the limit for
// open files that scripts are born with.
int gh_spawner_start(const struct gh_limit *files, int *socket, struct gh_board **board);
void gh_spawner_forget(struct gh_board *board);
// The spawner's number; 0 for one that a keeper is still to make.
int32_t gh_spawner_pid(const struct gh_board *board);
// Sends the plan of this number, from 0 on. The streams may be closed after it. Returns 0 or an
// errno: E2BIG where a message cannot hold it, EAGAIN where there is no room for it now.
int gh_spawner_send(int socket, const struct gh_spawn *plan, struct gh_board *board, uint32_t number);
// How many plans have been taken up, in their order. A spawner lets go of a script's streams after that.
uint32_t gh_spawner_begun(const struct gh_board *board);
// Whether it is known what came of one that has been taken up, and what that is.
bool gh_spawner_has_replied(const struct gh_board *board, uint32_t number, struct gh_spawn_reply *reply);
// The child of a plan that may not have been taken up yet, from before the child runs; 0 where there is none.
int32_t gh_spawner_child(const struct gh_board *board, uint32_t number);
// Whether the spawner, or the keeper, at the other end of this socket is there.
bool gh_helper_lives(int socket);

// What all that a script starts is known by: a number that it inherits.
uint64_t gh_mark_of(int32_t pid); // 0, or anything, where it has none
// Gives a process another one, where it has the first still.
void gh_replace_mark(int32_t pid, uint64_t mark, uint64_t other);
// What is looked for among all processes, and why.
enum gh_search_purpose { GH_SEARCH_TELL, GH_SEARCH_WATCH, GH_SEARCH_KILL };
struct gh_search {
    uint64_t mark;
    int32_t group;    // of the script, whose members are told by who ends it
    enum gh_search_purpose purpose;
};

// The keeper: a small process with the right to become certain other users and no other right. It is
// forked before the server gives up its own, and lives until the other end of its socket is closed.
struct gh_identity {
    uint32_t user, group;
    const uint32_t *groups;    // supplementary
    size_t group_count;
};
struct gh_keeper_plan {
    // Whom scripts may run as, by number. The memory has to stay as it is during the call only.
    const struct gh_identity *identities;
    size_t count;
    // Whom it is itself; NULL: as the server is now.
    const struct gh_identity *own;
    // Setuid programs that scripts start keep the rights that the file gives them.
    bool keeps_bounds;
    // The limit for open files that scripts are born with, or NULL.
    const struct gh_limit *files;
    // Looks for marked processes, in a process of the user's; fills `found` with one byte for each search.
    void (*look)(const struct gh_search *searches, size_t count, uint8_t *found);
};
// Returns 0 and fills `pid` and `socket`, or an errno. The process must not have other threads yet.
int gh_keeper_start(const struct gh_keeper_plan *plan, int32_t *pid, int *socket);
// Has it make a spawner whose plans name one of its identities, as a child of the server. Returns 0 and
// fills `socket`, which takes plans at once, and `board`, or an errno.
int gh_keeper_make_spawner(int keeper, int *socket, struct gh_board **board);
// Has it signal a process, or with a negative number a group, with the rights of that user. Returns 0 or an errno.
int gh_keeper_signal(int keeper, int32_t identity, int32_t process, int signal);
// Has it look for marked processes as that user, and write into the pipe `answer`, which may be closed after it, a
// byte for each search, all in one piece. Returns 0 or an errno.
int gh_keeper_look(int keeper, int32_t identity, const struct gh_search *searches, size_t count, int answer);
// So that the answer is written in one piece, however small the pipe is.
enum { GH_SEARCHES_MAX = 1024 };

// Starts a process that sends back a byte that it is sent when it comes to run on that processor, where it gives way to
// all others, and ends with its socket, which does not block here. Returns 0 or an errno. Where the process may not be
// like that, it ends at once.
int gh_idle_start(int32_t processor, int *socket, int32_t *pid);

// Landlock. The ABI's version, or -1: errno is ENOSYS or EOPNOTSUPP where the kernel has none.
int gh_landlock_abi(void);
// A ruleset under which nothing may be written but what gh_landlock_allow adds. -1: errno.
int gh_landlock_create(void);
// Lets what has the ruleset write to a file, or below a folder. -1: errno.
int gh_landlock_allow(int ruleset, const char *path);

// For process 1, while it has one thread: returns in a child, and stays behind as an init. That one passes TERM,
// INT, HUP, USR1, USR2 and QUIT on, takes note of the end of every process that becomes its child, and ends as the
// child ends, with 128 and the signal's number after a signal. An errno where there can be no child.
int gh_go_on_below_init(void);
// Whether this process is such a child.
bool gh_has_init(void);

int gh_pidfd_open(int32_t pid);
int gh_pidfd_signal(int pidfd, int signal);

// The event loop of the calling thread, NULL elsewhere.
void *gh_current_loop(void);
void gh_set_current_loop(void *loop);

// Gives back what is free of the heap, and unmaps the code and constants that were needed so far. They are
// read again, from memory, when they are needed again; what only the start needed is not.
void gh_give_back_memory(void);

void gh_name_thread(const char *name);
// The numbers of the processors that this process may use, as far as there is room. Returns how many there are.
size_t gh_processors(int32_t *numbers, size_t room);
struct gh_processor_set;
// Has this thread run on a processor now. It may be moved from there, to all of the set; NULL: those that it had
// before. That they are all there are does not show any more, so what comes to its cpuset later is not for it. Where
// it may not run there, nothing happens.
void gh_begin_on(int32_t processor, const struct gh_processor_set *set);

// RLIMIT_* are an enum in C++ mode and macros elsewhere; one spelling for Swift.
extern const int gh_rlimit_cpu, gh_rlimit_as, gh_rlimit_nofile, gh_rlimit_fsize, gh_rlimit_nproc;
int gh_get_limit(int resource, uint64_t *soft, uint64_t *hard);
int gh_set_limit(int resource, uint64_t soft, uint64_t hard);

#endif
