// Landlock: which folders a process and all that it starts may write to, kept by the kernel.
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Of ABI 3, which Debian 12's headers do not know.
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

enum { ABI_WITH_REFER = 2, ABI_WITH_TRUNCATE = 3 };

int gh_landlock_abi(void) {
    return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

// What writes, creates, moves or removes, as far as an ABI can keep it.
static uint64_t write_rights(int abi) {
    uint64_t rights = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                      LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
                      LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                      LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
    if (abi >= ABI_WITH_REFER) rights |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= ABI_WITH_TRUNCATE) rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
    return rights;
}

int gh_landlock_create(void) {
    int abi = gh_landlock_abi();
    if (abi < 0) return -1;
    // The part of the structure that every ABI knows.
    uint64_t handled = write_rights(abi);
    return (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
}

int gh_landlock_allow(int ruleset, const char *path) {
    struct landlock_path_beneath_attr rule = {.allowed_access = write_rights(gh_landlock_abi())};
    rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0) return -1;
    struct stat status;
    int result = fstat(rule.parent_fd, &status);
    if (result == 0) {
        // What can be done in a folder is no right to a file.
        if (!S_ISDIR(status.st_mode))
            rule.allowed_access &= LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE;
        result = (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    }
    int error = errno;
    close(rule.parent_fd);
    errno = error;
    return result;
}
