#include "os.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int64_t rg_os_now_ms(void) {
  struct timespec now = {0, 0};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int rg_os_connect(struct rg_span path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, path.at, path.length);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  const void* const bytes = &address;
  if (connect(fd, bytes, sizeof address) == 0) return fd;
  const int error = errno;
  close(fd);
  return -error;
}

long rg_os_send(int fd, const char* bytes, size_t count) {
  const ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);
  return sent < 0 ? -errno : sent;
}

long rg_os_recv(int fd, char* bytes, size_t count) {
  const ssize_t got = recv(fd, bytes, count, 0);
  return got < 0 ? -errno : got;
}

void rg_os_close(int fd) { close(fd); }

unsigned rg_os_poll(const int* fds, int count, int64_t timeout_ms) {
  struct pollfd wanted[4];
  for (int i = 0; i < count; ++i) wanted[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
  unsigned ready = 0;
  if (poll(wanted, (nfds_t)count, (int)timeout_ms) > 0) {
    for (int i = 0; i < count; ++i) ready |= (wanted[i].revents != 0 ? 1U : 0U) << (unsigned)i;
  }
  return ready;
}

int rg_os_notify(void) {
  const int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int rg_os_notify_add(int fd, const char* folder) {
  return inotify_add_watch(fd, folder, IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR) < 0 ? -errno : 0;
}

void rg_os_drain(int fd) {
  char ignored[4096];
  while (read(fd, ignored, sizeof ignored) > 0) {
  }
}

int rg_os_signal(int signal_fd) {
  struct signalfd_siginfo signal;
  return read(signal_fd, &signal, sizeof signal) == (ssize_t)sizeof signal ? (int)signal.ssi_signo : 0;
}
