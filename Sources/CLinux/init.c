// Process 1 of a container: all that loses its parent there becomes its child, and is a zombie until it takes
// note of the end. The server takes note of the end of its own scripts only, so it goes on in a child, and what
// is left here does what is asked of process 1 and touches next to no memory.
#define _GNU_SOURCE
#include "process.h"
#include "spawn.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_in_child;

bool gh_has_init(void) { return is_in_child; }

static void forward(pid_t server, const siginfo_t *info) {
    // The keys of a terminal reach the whole process group, and so the server as well.
    bool is_key = info->si_code == SI_KERNEL && (info->si_signo == SIGINT || info->si_signo == SIGQUIT);
    if (is_key || kill(server, info->si_signo) == 0 || errno != EPERM) return;
    // The server has become another user, and the container has not got CAP_KILL.
    uint32_t own = geteuid();
    uint64_t user;
    if (!gh_number_of_process(server, "status", "Uid:", &user) || gh_act_as((uint32_t)user) < 0) return;
    kill(server, info->si_signo);
    gh_act_as(own);
}

static _Noreturn void serve(pid_t server, const sigset_t *signals) {
    prctl(PR_SET_NAME, "gh-init", 0, 0, 0);
    // Nobody's sockets and folders are held back. The streams are: a terminal's would be gone with the last one.
    syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
    if (chdir("/") < 0) {}
    gh_give_back_memory();
    while (true) {
        siginfo_t info;
        if (sigwaitinfo(signals, &info) < 0) continue;
        if (info.si_signo != SIGCHLD) {
            forward(server, &info);
            continue;
        }
        int status;
        pid_t ended;
        while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
            // With process 1 the kernel ends all that is left.
            if (ended == server) _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        }
    }
}

int gh_go_on_below_init(void) {
    const int taken[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT, SIGCHLD};
    sigset_t signals, before;
    sigemptyset(&signals);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) sigaddset(&signals, taken[i]);
    // Before there is a child, so that none of them is lost. Blocked, they reach process 1 as well.
    sigprocmask(SIG_BLOCK, &signals, &before);
    // Where it is ignored, nobody is told how a child ended.
    signal(SIGCHLD, SIG_DFL);
    pid_t child = fork();
    if (child > 0) serve(child, &signals);
    int error = child < 0 ? errno : 0;
    sigprocmask(SIG_SETMASK, &before, NULL);
    is_in_child = error == 0;
    return error;
}
