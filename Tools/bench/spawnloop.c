// The ceiling for CGI: does nothing but start a program as a CGI script, read what it prints and wait
// for its end, over and over, in PROCESSES loops at once. No server that runs one process per request
// can do more.
//
//     spawnloop SECONDS PROCESSES PROGRAM
//
// Prints one line of JSON: scripts ended, seconds taken, CPU seconds of loops and scripts together.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct result {
    long scripts;
    double cpu_seconds;
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double cpu_seconds(int who) {
    struct rusage usage;
    getrusage(who, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           ((double)usage.ru_utime.tv_usec + (double)usage.ru_stime.tv_usec) / 1e6;
}

// Reads to the end of what a script wrote, and closes it.
static long read_all(int from) {
    char room[32 * 1024];
    long total = 0;
    ssize_t count;
    while ((count = read(from, room, sizeof room)) > 0) total += count;
    close(from);
    return count < 0 ? -1 : total;
}

// Returns 0 once the script has run, has printed something and has ended well. It gets what a server
// gives a script: nothing to read, a pipe each for stdout and stderr, and the environment of this program.
static int run_once(char *program, int null) {
    char *const arguments[] = {program, NULL};
    int output[2], errors[2];
    if (pipe2(output, O_CLOEXEC) != 0) return -1;
    if (pipe2(errors, O_CLOEXEC) != 0) return -1;
    pid_t pid = vfork();
    if (pid < 0) return -1;
    if (pid == 0) {
        dup2(null, STDIN_FILENO);
        dup2(output[1], STDOUT_FILENO);
        dup2(errors[1], STDERR_FILENO);
        execve(program, arguments, environ);
        _exit(127);
    }
    close(output[1]);
    close(errors[1]);
    long printed = read_all(output[0]);
    long complained = read_all(errors[0]);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return status == 0 && printed > 0 && complained == 0 ? 0 : -1;
}

static void loop(double seconds, char *program, int report) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct result result = {0, 0};
    double end = now() + seconds;
    while (now() < end) {
        if (null < 0 || run_once(program, null) != 0) _exit(1);
        result.scripts++;
    }
    result.cpu_seconds = cpu_seconds(RUSAGE_SELF) + cpu_seconds(RUSAGE_CHILDREN);
    _exit(write(report, &result, sizeof result) == sizeof result ? 0 : 1);
}

int main(int argc, char **argv) {
    int report[2];
    if (argc != 4 || pipe2(report, O_CLOEXEC) != 0) {
        fprintf(stderr, "usage: spawnloop SECONDS PROCESSES PROGRAM\n");
        return 2;
    }
    double start = now();
    int processes = atoi(argv[2]);
    for (int i = 0; i < processes; i++) {
        pid_t pid = fork();
        if (pid < 0) return 1;
        if (pid == 0) loop(atof(argv[1]), argv[3], report[1]);
    }
    close(report[1]);

    struct result result, total = {0, 0};
    while (read(report[0], &result, sizeof result) == sizeof result) {
        total.scripts += result.scripts;
        total.cpu_seconds += result.cpu_seconds;
    }
    int failed = 0, status = 0;
    while (wait(&status) > 0) failed |= status != 0;
    if (failed) {
        fprintf(stderr, "spawnloop: %s did not run, or printed nothing, or complained, or did not end with status 0\n", argv[3]);
        return 1;
    }
    printf("{\"scripts\": %ld, \"seconds\": %.6f, \"cpu_seconds\": %.6f}\n", total.scripts, now() - start,
           total.cpu_seconds);
    return 0;
}
