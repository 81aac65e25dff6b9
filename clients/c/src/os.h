// All that waiting needs of Linux. os_libc.c gives it with the C library, clients/wait/os_raw.c with bare system calls.
// What returns an int or long gives a negative errno when it fails.
#pragma once

#include "text.h"

int64_t rg_os_now_ms(void);  // CLOCK_MONOTONIC

// A connected stream that does not block: a full backlog is EAGAIN at once, and not a wait without a limit. The path
// has at most 107 bytes.
int rg_os_connect(struct rg_span path);
long rg_os_send(int fd, const char* bytes, size_t count);  // without SIGPIPE
long rg_os_recv(int fd, char* bytes, size_t count);        // 0: end of stream
void rg_os_close(int fd);

// Waits until one of the descriptors can be read (or has ended), at most so long; a negative one is left out. Returns a
// bit for each, 0 at the timeout or when a signal handler ran.
unsigned rg_os_poll(const int* fds, int count, int64_t timeout_ms);

// What happens to files in a folder. Both may fail: instances run out, and the folder may not be there.
int rg_os_notify(void);
int rg_os_notify_add(int fd, const char* folder);
void rg_os_drain(int fd);  // reads until there is no more

int rg_os_signal(int signal_fd);  // the number of one that came, read from a signalfd(2); 0: none
