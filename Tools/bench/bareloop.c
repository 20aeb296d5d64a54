// The floor for a small file: one loop that waits, receives and sends, and does nothing else. It looks
// at no request and gives each the same answer, with the fields that a file's has. No server that
// waits by epoll and answers each request by itself takes fewer instructions.
//
//     bareloop PORT BYTES
//
// Listens on 127.0.0.1, answers with BYTES bytes, at most 4096, and ends by SIGTERM.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_BYTES = 4096, MAX_EVENTS = 256 };

static const char head[] = "HTTP/1.1 200 OK\r\n"
                           "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
                           "Server: gatehouse/0.1.0\r\n"
                           "Content-Type: text/plain\r\n"
                           "ETag: \"1234567890abcdef\"\r\n"
                           "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
                           "Accept-Ranges: bytes\r\n"
                           "Content-Length: %d\r\n\r\n";

static char answer[sizeof head + 16 + MAX_BYTES];
static size_t answer_length;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int listen_on(int port) {
    int one = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0) fail("socket");
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0) fail("bind");
    if (listen(listener, 512) != 0) fail("listen");
    return listener;
}

static void take_connection(int loop, int listener) {
    int one = 1;
    int connection = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection < 0) return;
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.fd = connection};
    if (epoll_ctl(loop, EPOLL_CTL_ADD, connection, &event) != 0) fail("epoll_ctl");
}

static void answer_request(int connection) {
    char request[8192];
    ssize_t length = recv(connection, request, sizeof request, 0);
    // An answer fits into the socket's buffer: a client that asks one by one always finds room there.
    if (length <= 0 || send(connection, answer, answer_length, MSG_NOSIGNAL) != (ssize_t)answer_length) {
        close(connection);
    }
}

int main(int count, char **words) {
    int bytes = count == 3 ? atoi(words[2]) : -1;
    if (bytes < 0 || bytes > MAX_BYTES) {
        fprintf(stderr, "usage: bareloop PORT BYTES, at most %d\n", MAX_BYTES);
        return 2;
    }
    answer_length = (size_t)snprintf(answer, sizeof answer, head, bytes);
    memset(answer + answer_length, 'x', (size_t)bytes);
    answer_length += (size_t)bytes;

    int listener = listen_on(atoi(words[1]));
    int loop = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    if (loop < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event) != 0) fail("epoll");
    for (;;) {
        struct epoll_event events[MAX_EVENTS];
        int ready = epoll_wait(loop, events, MAX_EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == listener) {
                take_connection(loop, listener);
            } else if (events[i].events & EPOLLIN) {
                answer_request(events[i].data.fd);
            }
        }
    }
}
