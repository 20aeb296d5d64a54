// A helper that gives way to all others on a processor, and so tells when nothing else wants to run there.
#define _GNU_SOURCE
#include "spawn.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

// Sends back what the server sends, as soon as it comes to run.
static void watch(int socket, int32_t processor) {
    if (!gh_stay_on(processor) || setpriority(PRIO_PROCESS, 0, 19) != 0) return;
    char question;
    while (recv(socket, &question, 1, 0) == 1 && send(socket, &question, 1, MSG_NOSIGNAL) == 1) {}
}

int gh_idle_start(int32_t processor, int *socket, int32_t *pid) {
    *pid = gh_fork_helper("gh-idle", socket);
    if (*pid == 0) {
        watch(*socket, processor);
        _exit(0);
    }
    return *pid < 0 ? errno : 0;
}
