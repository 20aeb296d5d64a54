// What the two ways to start a script share: by a thread of the server, and by the spawner.
#ifndef GATEHOUSE_SPAWN_H
#define GATEHOUSE_SPAWN_H

#include "CLinux.h"

#include <stdbool.h>

struct gh_child {
    const struct gh_spawn *plan;
    // Of the spawner, which has let go once and for all of what is the server's alone.
    bool is_prepared;
    // The limit for open files that the child is born with, where it is prepared.
    struct gh_limit files;
    // What came of it.
    enum gh_spawn_step step;
    int error;
};

enum { GH_STACK_SIZE = 64 * 1024 };

// Between clone and exec, in the parent's memory: async-signal-safe calls only. `argument` is a gh_child.
int gh_child_main(void *argument);
// Back to the priority from before gh_come_first.
void gh_restore_priority(void);
void gh_reset_signals(void);
void gh_unblock_signals(void);

#endif
