// The cheapest CGI script there is: a static binary and one write. With -DSLEEP_MS=100 it holds its
// slot for that long first and uses next to no CPU.

#include <time.h>
#include <unistd.h>

#ifndef SLEEP_MS
#define SLEEP_MS 0
#endif

int main(void) {
    static const char answer[] = "Content-Type: text/plain\r\n\r\nhello\n";
    if (SLEEP_MS > 0) {
        struct timespec pause = {SLEEP_MS / 1000, SLEEP_MS % 1000 * 1000000L};
        nanosleep(&pause, NULL);
    }
    return write(STDOUT_FILENO, answer, sizeof answer - 1) == (ssize_t)(sizeof answer - 1) ? 0 : 1;
}
