// What the two ways to start a script share: by a thread of the server, and by the spawner.
#ifndef GATEHOUSE_SPAWN_H
#define GATEHOUSE_SPAWN_H

#include "CLinux.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

// cpu_set_t is no name that CLinux.h can use.
struct gh_processor_set {
    cpu_set_t set;
};

struct gh_child {
    const struct gh_spawn *plan;
    // Of the spawner, which has let go once and for all of what is the server's alone.
    bool is_prepared;
    // The limit for open files that the child is born with, where it is prepared.
    struct gh_limit files;
    // Of gh_mark_limit.
    uint64_t mark_limit;
    // Those that the spawner has let go of and scripts have; NULL: all that the child is born with.
    const struct gh_processor_set *processors;
    // The one where the spawner stays; only with `processors`.
    int32_t processor;
    // Whom it becomes; NULL: it stays who it is.
    const struct gh_identity *identity;
    // Told why, where it does not come to its exec.
    struct gh_spawn_reply *reply;
};

struct gh_board {
    // The spawner's number, 0 until it is there.
    int32_t pid;
    // How many plans have been taken up: there is a child for each, or an error.
    _Atomic uint32_t begun;
    struct gh_spawn_reply replies[GH_BOARD_SIZE];
};

enum { GH_STACK_SIZE = 64 * 1024 };

// Between clone and exec, in the parent's memory: async-signal-safe calls only, and for a spawner's child, whose
// parent goes on meanwhile, none that sets errno. `argument` is a gh_child.
int gh_child_main(void *argument);
// Back to the priority from before gh_come_first.
void gh_restore_priority(void);
bool gh_get_processors(struct gh_processor_set *processors);
// Ties this thread to one; false where it may not run there.
bool gh_stay_on(int32_t processor);
// Where none of them is left by now, it runs on all there are.
void gh_run_on(const struct gh_processor_set *processors);
void gh_reset_signals(void);
void gh_unblock_signals(void);

// What no mark of this process and its children may be above: the hard limit.
uint64_t gh_mark_limit(void);
// Marks the calling process, as far as that can be done. 0: leaves it as it is.
void gh_take_mark(uint64_t mark, uint64_t limit);

// Becomes that user for good, without any capability. -1: errno.
int gh_become(const struct gh_identity *identity);
// The same, but with these capabilities (bits), and with the bounding set empty unless it is kept. NULL: as who it is.
int gh_become_keeping(const struct gh_identity *identity, uint64_t kept, bool keeps_bounds);
int gh_keep_capabilities(uint64_t kept);
// Has the rights of that user from now on, but stays whose process it is: others of the user cannot
// signal it.
int gh_act_as(uint32_t user);

// Of a helper: the one to the server.
enum { GH_HELPER_SOCKET = 3 };
// Lets go of all that is the server's alone, and takes a name. Returns the socket's new number, or ends.
int gh_prepare_helper(int socket, const char *name);
// Forks a helper that has so prepared itself. Returns as fork(2); `socket` is that of the side it returns on.
pid_t gh_fork_helper(const char *name, int *socket);
// Makes each plan that comes from `socket` a process until its other end is closed. `board` is shared
// with the server. With `identities`, each plan has to name one of them.
void gh_spawner_serve(int socket, struct gh_board *board, const struct gh_identity *identities, size_t count);
// Sets the limit for open files that scripts are born with.
void gh_spawner_set_files(const struct gh_limit *files);

#endif
