// What /proc tells of a process, for the other parts of this target.
#ifndef GATEHOUSE_PROCESS_H
#define GATEHOUSE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

// The number behind the name that a line of /proc/PID/`file` begins with, such as "Uid:" in "status". False where
// there is no such line or no number. Allocates nothing: what looks for marked processes may be a fork of a process
// with threads.
bool gh_number_of_process(int32_t pid, const char *file, const char *name, uint64_t *number);

#endif
