// Small answers to several clients with one system call.
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ROOM = 32 * 1024 };

struct gh_outbox {
    aio_context_t context;
    // The kernel has not told what came of calls.
    bool is_broken;
    size_t count, used;
    struct iocb calls[GH_OUTBOX_COUNT];
    struct gh_outbox_end ends[GH_OUTBOX_COUNT];
    char room[ROOM];
};

bool gh_has_nothing_to_send(int socket) {
    int left;
    return ioctl(socket, SIOCOUTQ, &left) == 0 && left == 0;
}

struct gh_outbox *gh_outbox_create(void) {
    struct gh_outbox *box = calloc(1, sizeof *box);
    if (box && syscall(SYS_io_setup, GH_OUTBOX_COUNT, &box->context) == 0) return box;
    free(box);
    return NULL;
}

void gh_outbox_destroy(struct gh_outbox *box) {
    syscall(SYS_io_destroy, box->context);
    free(box);
}

bool gh_outbox_put(struct gh_outbox *box, int socket, const void *bytes, size_t size) {
    if (box->is_broken || box->count == GH_OUTBOX_COUNT || size > ROOM - box->used) return false;
    char *copy = box->room + box->used;
    memcpy(copy, bytes, size);
    box->used += size;
    size_t number = box->count++;
    box->calls[number] = (struct iocb){
        .aio_data = number,
        .aio_lio_opcode = IOCB_CMD_PWRITE,
        .aio_fildes = (uint32_t)socket,
        .aio_buf = (uint64_t)(uintptr_t)copy,
        .aio_nbytes = size,
    };
    return true;
}

static void end(struct gh_outbox *box, size_t number, long result) {
    const struct iocb *call = &box->calls[number];
    bool waits = result == -EAGAIN || result == -EINTR;
    size_t sent = result > 0 ? (size_t)result : 0;
    box->ends[number] = (struct gh_outbox_end){
        .rest = (const char *)(uintptr_t)call->aio_buf + sent,
        .rest_size = call->aio_nbytes - sent,
        .has_failed = result <= 0 && !waits,
    };
}

static void send_alone(struct gh_outbox *box, size_t number) {
    const struct iocb *call = &box->calls[number];
    long count = gh_send(
        (int)call->aio_fildes, (const void *)(uintptr_t)call->aio_buf, call->aio_nbytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    end(box, number, count < 0 ? -errno : count);
}

const struct gh_outbox_end *gh_outbox_send(struct gh_outbox *box) {
    struct iocb *list[GH_OUTBOX_COUNT];
    struct io_event events[GH_OUTBOX_COUNT];
    for (size_t i = 0; i < box->count; i++) list[i] = &box->calls[i];
    size_t done = 0;
    while (done < box->count) {
        long taken = 0;
        if (box->count - done > 1) taken = syscall(SYS_io_submit, box->context, box->count - done, list + done);
        if (taken > 0) {
            for (long i = 0; i < taken; i++) end(box, done + (size_t)i, -EIO);
            // They do not block, so each has ended.
            long ended = syscall(SYS_io_getevents, box->context, taken, taken, events, NULL);
            for (long i = 0; i < ended; i++) end(box, events[i].data, (long)events[i].res);
            if (ended != taken) box->is_broken = true;
            done += (size_t)taken;
        } else {
            // What the kernel does not take like that, it may otherwise.
            send_alone(box, done++);
        }
    }
    box->count = 0;
    box->used = 0;
    return box->ends;
}
