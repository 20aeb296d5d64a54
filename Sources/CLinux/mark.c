// Marks: a number that a script is given at its start, and that everything it starts inherits.
//
// It is the soft limit RLIMIT_LOCKS, which has had no effect since Linux 2.4.25. Nothing loses it that does
// not set it: neither fork nor exec, neither a new session nor an empty environment.
#define _GNU_SOURCE
#include "call.h"
#include "process.h"
#include "spawn.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>

uint64_t gh_mark_limit(void) {
    struct rlimit limit;
    return getrlimit(RLIMIT_LOCKS, &limit) == 0 ? limit.rlim_max : 0;
}

void gh_take_mark(uint64_t mark, uint64_t limit) {
    struct rlimit both = {.rlim_cur = mark, .rlim_max = limit};
    if (mark != 0) gh_call(SYS_prlimit64, 0, RLIMIT_LOCKS, (long)&both, 0, 0);
}

uint64_t gh_mark_of(int32_t pid) {
    struct rlimit limit;
    if (prlimit(pid, RLIMIT_LOCKS, NULL, &limit) == 0) return limit.rlim_cur;
    // The kernel tells it of processes that have the same user and group in every respect. More of them may
    // be signalled, such as a setuid program's.
    if (errno == ESRCH || kill(pid, 0) < 0) return 0;
    // What everybody may read, and what takes ten times as long. No number for "unlimited".
    uint64_t mark;
    return gh_number_of_process(pid, "limits", "Max file locks", &mark) ? mark : 0;
}

void gh_replace_mark(int32_t pid, uint64_t mark, uint64_t other) {
    struct rlimit limit;
    if (prlimit(pid, RLIMIT_LOCKS, NULL, &limit) < 0 || limit.rlim_cur != mark) return;
    limit.rlim_cur = other;
    prlimit(pid, RLIMIT_LOCKS, &limit, NULL);
}
