// What /proc tells of a process.
#define _GNU_SOURCE
#include "process.h"
#include "CLinux.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The beginning of a file in /proc/PID; its length, -1 without it.
static ssize_t read_of_process(int32_t pid, const char *name, char *text, size_t room) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    ssize_t count = read(file, text, room - 1);
    close(file);
    if (count <= 0) return -1;
    text[count] = 0;
    return count;
}

bool gh_number_of_process(int32_t pid, const char *file, const char *name, uint64_t *number) {
    char text[4096];
    if (read_of_process(pid, file, text, sizeof text) < 0) return false;
    size_t length = strlen(name);
    const char *line = text;
    while (strncmp(line, name, length) != 0) {
        line = strchr(line, '\n');
        if (!line) return false;
        line++;
    }
    char *end;
    *number = strtoull(line + length, &end, 10);
    return end != line + length;
}

int gh_time_used(int32_t pid, int64_t *computing, int64_t *waiting) {
    char text[96];
    if (read_of_process(pid, "schedstat", text, sizeof text) < 0) return -1;
    char *rest;
    *computing = strtoll(text, &rest, 10);
    *waiting = strtoll(rest, NULL, 10);
    return *computing > 0 && *waiting >= 0 ? 0 : -1;
}

int gh_is_exiting(int32_t pid) {
    char text[512];
    if (read_of_process(pid, "stat", text, sizeof text) < 0) return -1;
    // The name, which may hold anything, stands in parentheses.
    const char *rest = strrchr(text, ')');
    char state;
    unsigned flags;
    if (!rest || sscanf(rest, ") %c %*d %*d %*d %*d %*d %u", &state, &flags) != 2) return -1;
    enum { EXITING = 4 }; // PF_EXITING of the kernel
    return state == 'Z' || state == 'X' || (flags & EXITING) != 0;
}

int gh_usage(int32_t pid, int64_t *cpu_us, int64_t *peak_kb) {
    char text[512];
    if (read_of_process(pid, "stat", text, sizeof text) < 0) return -1;
    const char *rest = strrchr(text, ')');
    unsigned long long user, system;
    long long children_user, children_system;
    if (!rest
        || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %lld %lld", &user, &system,
                  &children_user, &children_system) != 4)
        return -1;
    int64_t ticks = (int64_t)(user + system) + children_user + children_system;
    *cpu_us = ticks * (1000000 / sysconf(_SC_CLK_TCK));
    uint64_t peak;
    *peak_kb = gh_number_of_process(pid, "status", "VmHWM:", &peak) ? (int64_t)peak : -1;
    return 0;
}
