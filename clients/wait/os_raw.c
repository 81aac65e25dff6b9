// os.h with bare system calls, and the four functions that a compiler calls of its own accord.
#include "kernel.h"
#include "os.h"

// -fno-tree-loop-distribute-patterns (GCC) and -ffreestanding (Clang) keep these loops from becoming calls of
// themselves.
void* memcpy(void* to, const void* from, size_t count);
void* memset(void* to, int byte, size_t count);
void* memmove(void* to, const void* from, size_t count);
int memcmp(const void* a, const void* b, size_t count);

void* memcpy(void* to, const void* from, size_t count) {
  for (size_t i = 0; i < count; ++i) ((char*)to)[i] = ((const char*)from)[i];
  return to;
}

void* memset(void* to, int byte, size_t count) {
  for (size_t i = 0; i < count; ++i) ((char*)to)[i] = (char)byte;
  return to;
}

void* memmove(void* to, const void* from, size_t count) {
  if ((uintptr_t)to <= (uintptr_t)from) return memcpy(to, from, count);
  for (size_t i = count; i > 0; --i) ((char*)to)[i - 1] = ((const char*)from)[i - 1];
  return to;
}

int memcmp(const void* a, const void* b, size_t count) {
  const unsigned char* const left = a;
  const unsigned char* const right = b;
  for (size_t i = 0; i < count; ++i) {
    if (left[i] != right[i]) return left[i] < right[i] ? -1 : 1;
  }
  return 0;
}

int64_t rg_os_now_ms(void) {
  struct kernel_time now = {0, 0};
  kernel2(SYS_CLOCK_GETTIME, KERNEL_CLOCK_MONOTONIC, (long)&now);
  return now.seconds * 1000 + now.nanoseconds / 1000000;
}

int rg_os_connect(struct rg_span path) {
  struct kernel_address address = {KERNEL_AF_UNIX, {0}};
  for (size_t i = 0; i < path.length; ++i) address.path[i] = path.at[i];
  const long fd = kernel3(SYS_SOCKET, KERNEL_AF_UNIX, KERNEL_STREAM_NONBLOCK_CLOEXEC, 0);
  if (fd < 0) return (int)fd;
  const long error = kernel3(SYS_CONNECT, fd, (long)&address, sizeof address);
  if (error == 0) return (int)fd;
  kernel1(SYS_CLOSE, fd);
  return (int)error;
}

long rg_os_send(int fd, const char* bytes, size_t count) {
  return kernel4(SYS_SENDTO, fd, (long)bytes, (long)count, KERNEL_MSG_NOSIGNAL);
}

long rg_os_recv(int fd, char* bytes, size_t count) { return kernel4(SYS_RECVFROM, fd, (long)bytes, (long)count, 0); }

void rg_os_close(int fd) { kernel1(SYS_CLOSE, fd); }

unsigned rg_os_poll(const int* fds, int count, int64_t timeout_ms) {
  struct kernel_poll wanted[4];
  struct kernel_time timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000};
  for (int i = 0; i < count; ++i) wanted[i] = (struct kernel_poll){fds[i], KERNEL_POLLIN, 0};
  unsigned ready = 0;
  if (kernel4(SYS_PPOLL, (long)wanted, count, (long)&timeout, 0) > 0) {
    for (int i = 0; i < count; ++i) ready |= (wanted[i].ready != 0 ? 1U : 0U) << (unsigned)i;
  }
  return ready;
}

int rg_os_notify(void) { return (int)kernel1(SYS_INOTIFY_INIT1, KERNEL_NONBLOCK_CLOEXEC); }

int rg_os_notify_add(int fd, const char* folder) {
  return (int)kernel3(SYS_INOTIFY_ADD_WATCH, fd, (long)folder, KERNEL_IN_CREATE_MOVED_TO_ATTRIB_ONLYDIR);
}

void rg_os_drain(int fd) {
  char ignored[4096];
  while (kernel3(SYS_READ, fd, (long)ignored, sizeof ignored) > 0) {
  }
}

int rg_os_signal(int signal_fd) {
  uint32_t signal[KERNEL_SIGINFO_SIZE / sizeof(uint32_t)];
  return kernel3(SYS_READ, signal_fd, (long)signal, sizeof signal) == (long)sizeof signal ? (int)signal[0] : 0;
}
