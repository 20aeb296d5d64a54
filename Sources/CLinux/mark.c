// Marks: a number that a script is given at its start, and that everything it starts inherits.
//
// It is the soft limit RLIMIT_LOCKS, which has had no effect since Linux 2.4.25. Nothing loses it that does
// not set it: neither fork nor exec, neither a new session nor an empty environment.
#define _GNU_SOURCE
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

uint64_t gh_mark_limit(void) {
    struct rlimit limit;
    return getrlimit(RLIMIT_LOCKS, &limit) == 0 ? limit.rlim_max : 0;
}

void gh_take_mark(uint64_t mark, uint64_t limit) {
    struct rlimit both = {.rlim_cur = mark, .rlim_max = limit};
    if (mark != 0) setrlimit(RLIMIT_LOCKS, &both);
}

// What everybody may read, and what takes ten times as long.
static uint64_t read_mark(int32_t pid) {
    char text[4096];
    snprintf(text, sizeof text, "/proc/%d/limits", pid);
    int file = open(text, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t count = read(file, text, sizeof text - 1);
    close(file);
    text[count > 0 ? count : 0] = 0;
    static const char name[] = "\nMax file locks";
    const char *line = strstr(text, name);
    // No number for "unlimited".
    return line ? strtoull(line + sizeof name - 1, NULL, 10) : 0;
}

uint64_t gh_mark_of(int32_t pid) {
    struct rlimit limit;
    if (prlimit(pid, RLIMIT_LOCKS, NULL, &limit) == 0) return limit.rlim_cur;
    // The kernel tells it of processes that have the same user and group in every respect. More of them may
    // be signalled, such as a setuid program's.
    if (errno == ESRCH || kill(pid, 0) < 0) return 0;
    return read_mark(pid);
}

void gh_replace_mark(int32_t pid, uint64_t mark, uint64_t other) {
    struct rlimit limit;
    if (prlimit(pid, RLIMIT_LOCKS, NULL, &limit) < 0 || limit.rlim_cur != mark) return;
    limit.rlim_cur = other;
    prlimit(pid, RLIMIT_LOCKS, &limit, NULL);
}
