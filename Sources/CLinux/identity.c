// Becoming another user, and giving up rights. Only the kernel's own calls, each for the calling thread
// alone: those of the C library would have the server's other threads follow, and are not for what runs
// between clone and exec.
#define _GNU_SOURCE
#include "spawn.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int gh_keep_capabilities(uint64_t kept) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2] = {
        {.effective = (uint32_t)kept, .permitted = (uint32_t)kept},
        {.effective = (uint32_t)(kept >> 32), .permitted = (uint32_t)(kept >> 32)},
    };
    return (int)syscall(SYS_capset, &header, data);
}

static int set_ids(const struct gh_identity *identity) {
    uint32_t user = identity->user, group = identity->group;
    if (syscall(SYS_setgroups, identity->group_count, identity->groups) < 0) return -1;
    if (syscall(SYS_setresgid, group, group, group) < 0) return -1;
    return (int)syscall(SYS_setresuid, user, user, user);
}

int gh_become(const struct gh_identity *identity) {
    if (set_ids(identity) < 0) return -1;
    // Who was no root before keeps them else.
    return gh_keep_capabilities(0);
}

int gh_become_keeping(const struct gh_identity *identity, uint64_t kept, bool keeps_bounds) {
    // No program that a process of these starts gets any, not even a setuid one. Best effort: where the
    // right to do that is missing, so are others.
    for (int number = 0; !keeps_bounds && prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0; number++) {}
    if (identity) {
        if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || set_ids(identity) < 0) return -1;
        prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
    }
    return gh_keep_capabilities(kept);
}

int gh_act_as(uint32_t user) { return (int)syscall(SYS_setresuid, -1, user, -1); }
