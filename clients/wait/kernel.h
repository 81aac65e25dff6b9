// Bare system calls, for x86-64 and arm64: their numbers, and the few structures and constants that the program uses.
// Taken from the kernel's own interface (include/uapi), which never changes; no header of a C library is needed, so the
// program is compiled for either machine on either.
#pragma once

#include <stdint.h>

#if defined(__x86_64__)
enum {
  SYS_READ = 0,
  SYS_WRITE = 1,
  SYS_CLOSE = 3,
  SYS_RT_SIGACTION = 13,
  SYS_RT_SIGPROCMASK = 14,
  SYS_IOCTL = 16,
  SYS_SOCKET = 41,
  SYS_CONNECT = 42,
  SYS_SENDTO = 44,
  SYS_RECVFROM = 45,
  SYS_EXECVE = 59,
  SYS_CLOCK_GETTIME = 228,
  SYS_EXIT_GROUP = 231,
  SYS_INOTIFY_ADD_WATCH = 254,
  SYS_PPOLL = 271,
  SYS_SIGNALFD4 = 289,
  SYS_INOTIFY_INIT1 = 294
};

static inline long kernel(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

// What the kernel starts: the stack begins with argc, argv, NULL, envp, NULL.
#define KERNEL_START           \
  __asm__(                     \
      ".text\n.globl _start\n" \
      "_start:\n"              \
      "  xor %ebp, %ebp\n"     \
      "  mov %rsp, %rdi\n"     \
      "  and $-16, %rsp\n"     \
      "  call begin\n"         \
      "  hlt\n")

#elif defined(__aarch64__)
enum {
  SYS_INOTIFY_INIT1 = 26,
  SYS_INOTIFY_ADD_WATCH = 27,
  SYS_IOCTL = 29,
  SYS_CLOSE = 57,
  SYS_READ = 63,
  SYS_WRITE = 64,
  SYS_PPOLL = 73,
  SYS_SIGNALFD4 = 74,
  SYS_EXIT_GROUP = 94,
  SYS_CLOCK_GETTIME = 113,
  SYS_RT_SIGACTION = 134,
  SYS_RT_SIGPROCMASK = 135,
  SYS_SOCKET = 198,
  SYS_CONNECT = 203,
  SYS_SENDTO = 206,
  SYS_RECVFROM = 207,
  SYS_EXECVE = 221
};

static inline long kernel(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}

#define KERNEL_START           \
  __asm__(                     \
      ".text\n.globl _start\n" \
      "_start:\n"              \
      "  mov x29, #0\n"        \
      "  mov x30, #0\n"        \
      "  mov x0, sp\n"         \
      "  bl begin\n"           \
      "  brk #0\n")
#else
#error "readygate-wait knows x86-64 and arm64; elsewhere there is `readygate wait`"
#endif

// A failure is a negative errno, -4095 to -1.
static inline long kernel1(long number, long a) { return kernel(number, a, 0, 0, 0, 0, 0); }
static inline long kernel2(long number, long a, long b) { return kernel(number, a, b, 0, 0, 0, 0); }
static inline long kernel3(long number, long a, long b, long c) { return kernel(number, a, b, c, 0, 0, 0); }
static inline long kernel4(long number, long a, long b, long c, long d) { return kernel(number, a, b, c, d, 0, 0); }

struct kernel_time {
  int64_t seconds;
  int64_t nanoseconds;
};
struct kernel_address {
  uint16_t family;
  char path[108];
};
struct kernel_poll {
  int32_t fd;
  int16_t events;
  int16_t ready;
};
struct kernel_sigaction {
  uint64_t handler;  // 0: default, 1: ignored
  uint64_t rest[3];  // flags, restorer (x86-64), mask, in an order of each machine's own
};

enum {
  KERNEL_CLOCK_MONOTONIC = 1,
  KERNEL_AF_UNIX = 1,
  KERNEL_STREAM_NONBLOCK_CLOEXEC = 1 | 04000 | 02000000,
  KERNEL_NONBLOCK_CLOEXEC = 04000 | 02000000,
  KERNEL_MSG_NOSIGNAL = 0x4000,
  KERNEL_POLLIN = 1,
  KERNEL_IN_CREATE_MOVED_TO_ATTRIB_ONLYDIR = 0x100 | 0x80 | 0x4 | 0x01000000,
  KERNEL_SIG_BLOCK = 0,
  KERNEL_SIG_SETMASK = 2,
  KERNEL_TCGETS = 0x5401,
  KERNEL_SIGINFO_SIZE = 128,  // struct signalfd_siginfo, which begins with the number
  KERNEL_SIGHUP = 1,
  KERNEL_SIGINT = 2,
  KERNEL_SIGTERM = 15
};
