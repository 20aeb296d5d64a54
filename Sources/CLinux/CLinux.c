#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

int gh_accept(int listener, void *address, uint32_t *length) {
    return accept4(listener, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int gh_pipe(int ends[2], int flags) { return pipe2(ends, O_CLOEXEC | flags); }

int gh_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

_Static_assert(sizeof(struct gh_event) == sizeof(struct epoll_event), "as the kernel lays it out");
_Static_assert(offsetof(struct gh_event, token) == offsetof(struct epoll_event, data), "as the kernel lays it out");
_Static_assert(
    (int)GH_IN == (int)EPOLLIN && (int)GH_OUT == (int)EPOLLOUT && (int)GH_ERR == (int)EPOLLERR &&
        (int)GH_HUP == (int)EPOLLHUP && (int)GH_RDHUP == (int)EPOLLRDHUP,
    "as the kernel numbers them");

int gh_epoll_add(int epoll, int fd, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events | EPOLLET, .data = {.u64 = token}};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

int gh_epoll_remove(int epoll, int fd) { return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL); }

int gh_epoll_wait(int epoll, struct gh_event *events, int count, int timeout_ms) {
    return epoll_wait(epoll, (struct epoll_event *)events, count, timeout_ms);
}

int gh_epoll_wait_precisely(int epoll, struct gh_event *events, int count, int64_t timeout_ns) {
    struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
    long result = syscall(SYS_epoll_pwait2, epoll, events, count, &timeout, NULL, 0);
    // Before Linux 5.11, and where a container forbids what it does not know.
    if (result < 0 && (errno == ENOSYS || errno == EPERM))
        return gh_epoll_wait(epoll, events, count, (int)((timeout_ns + 999999) / 1000000));
    return (int)result;
}

long gh_recv(int fd, void *room, size_t count) { return syscall(SYS_recvfrom, fd, room, count, 0, NULL, NULL); }

long gh_send(int fd, const void *bytes, size_t count, int flags) {
    return syscall(SYS_sendto, fd, bytes, count, flags, NULL, 0);
}

int gh_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int gh_dup_onto(int from, int onto) { return dup3(from, onto, O_CLOEXEC); }

static struct flock whole_file(void) {
    struct flock lock;
    memset(&lock, 0, sizeof lock);
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return lock;
}

int gh_lock_file(int fd) {
    struct flock lock = whole_file();
    return fcntl(fd, F_OFD_SETLK, &lock);
}

int gh_file_is_locked(int fd) {
    struct flock lock = whole_file();
    if (fcntl(fd, F_OFD_GETLK, &lock) < 0) return -1;
    return lock.l_type != F_UNLCK;
}

int gh_temporary_file(char *name_template) { return mkostemp(name_template, O_CLOEXEC); }

const int gh_o_path = O_PATH;

int gh_openat2(int folder, const char *path, int flags, uint64_t resolve) {
    if (resolve == 0) return openat(folder, path, flags | O_CLOEXEC);
    struct open_how how;
    memset(&how, 0, sizeof how);
    how.flags = (uint64_t)(flags | O_CLOEXEC);
    how.resolve = resolve;
    return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

bool gh_has_access_list(const char *path) { return getxattr(path, "system.posix_acl_access", NULL, 0) > 0; }

long gh_pread_now(int file, void *buffer, size_t count, int64_t offset) {
    struct iovec part = {.iov_base = buffer, .iov_len = count};
    ssize_t result = preadv2(file, &part, 1, offset, RWF_NOWAIT);
    if (result < 0 && (errno == EOPNOTSUPP || errno == ENOSYS)) return pread(file, buffer, count, offset);
    return result;
}

int gh_wait_child(int32_t pid, struct gh_exit *out) {
    siginfo_t info;
    struct rusage usage;
    memset(&info, 0, sizeof info);
    memset(&usage, 0, sizeof usage);
    // The raw call, because glibc's waitid does not pass the fifth argument on.
    if (syscall(SYS_waitid, P_PID, pid, &info, WEXITED | WNOHANG, &usage) < 0) return -1;
    if (info.si_pid == 0) return 0;
    out->code = info.si_status;
    out->signaled = info.si_code != CLD_EXITED;
    out->dumped_core = info.si_code == CLD_DUMPED;
    out->cpu_us = (int64_t)usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec +
                  (int64_t)usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec;
    out->peak_kb = usage.ru_maxrss;
    return 1;
}

static __thread void *current_loop;

void *gh_current_loop(void) { return current_loop; }
void gh_set_current_loop(void *loop) { current_loop = loop; }

void gh_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

size_t gh_processors(int32_t *numbers, size_t room) {
    cpu_set_t set;
    size_t count = 0;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        for (int number = 0; number < CPU_SETSIZE; number++) {
            if (!CPU_ISSET(number, &set)) continue;
            if (count < room) numbers[count] = number;
            count++;
        }
        return count;
    }
    // More than fit into a set. Where they have other numbers, nothing is done by them.
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    for (; (long)count < (online > 0 ? online : 1); count++)
        if (count < room) numbers[count] = (int32_t)count;
    return count;
}

const int gh_rlimit_cpu = RLIMIT_CPU;
const int gh_rlimit_as = RLIMIT_AS;
const int gh_rlimit_nofile = RLIMIT_NOFILE;
const int gh_rlimit_fsize = RLIMIT_FSIZE;
const int gh_rlimit_nproc = RLIMIT_NPROC;

int gh_get_limit(int resource, uint64_t *soft, uint64_t *hard) {
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0) return -1;
    *soft = limit.rlim_cur;
    *hard = limit.rlim_max;
    return 0;
}

int gh_set_limit(int resource, uint64_t soft, uint64_t hard) {
    struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
    return setrlimit(resource, &limit);
}

// One loaded object's mappings that are never written to.
static int give_back_object(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size;
    (void)context;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type != PT_LOAD || header->p_flags & PF_W) continue;
        uintptr_t start = info->dlpi_addr + header->p_vaddr;
        uintptr_t end = (start + header->p_memsz) & ~(page - 1);
        start = (start + page - 1) & ~(page - 1);
        if (start < end) madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 0;
}

void gh_give_back_memory(void) {
    dl_iterate_phdr(give_back_object, NULL);
    malloc_trim(0);
}
