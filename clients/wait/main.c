// readygate-wait: holds a command back until the gate is open, then becomes that command. `readygate wait` in a few
// kilobytes, without an interpreter and without a library, for images that have neither and whose process 1 it is: it
// is copied into them, or into a volume, by `readygate install`.
//
// Everything that decides is elsewhere, and tested there: the wait in clients/c/src/waiting.c, the command line in
// arguments.c. Here is what touches the process: signals, the terminal, the environment, exec.
#include "kernel.h"

#include <asm-generic/errno.h>

#include "arguments.h"
#include "waiting.h"

// The numbers of `readygate wait` (src/cli/exit_code.h); tests/e2e/test_wait.py holds the two together.
enum {
  EXIT_USAGE = 64,
  EXIT_UNAVAILABLE = 69,
  EXIT_INTERNAL = 70,
  EXIT_TRY_AGAIN = 75,
  EXIT_NOT_ALLOWED = 77,
  EXIT_TIMEOUT = 124,
  EXIT_NOT_EXECUTABLE = 126,
  EXIT_NOT_FOUND = 127
};
enum { STDOUT = 1, STDERR = 2, PROGRESS_TERMINAL_MS = 1000, PROGRESS_LINES_MS = 10000 };

static const char help[] =
    "Wait until the gate is open, then run a command in its place\n"
    "Usage: readygate-wait [OPTIONS] [--] [command...]\n"
    "       readygate-wait sleep DURATION\n"
    "\n"
    "Options:\n"
    "  -h,--help                       Print this help message and exit\n"
    "  --version                       Print the version and exit\n"
    "  --socket,--gate-socket          Socket of the daemon; also READYGATE_GATE_SOCKET [/run/readygate/gate.sock]\n"
    "  --for                           open, ready, initialized or healthy [open]\n"
    "  --timeout                       Give up after this long, like 60s; 0s is never [0s]\n"
    "  --fail-fast                     End with 69 as soon as the gate says failed\n"
    "\n"
    "Example:\n"
    "  readygate-wait --timeout 120s -- uvicorn app:api --port 8000\n"
    "\n"
    "Without a command it only waits. A daemon that is not there yet is waited for.\n"
    "Exit codes: 124 timeout, 69 failed (with --fail-fast), 75 draining, 77 not allowed,\n"
    "126 and 127 as in the shell, 128+n ended by a signal, else the command's own.\n"
    "With `sleep` it waits for that long, like 5 (seconds) or 500ms: a preStop hook where there is no shell.\n";

static void write_all(int fd, const char* text) {
  struct rg_span left = rg_span_of(text);
  while (left.length > 0) {
    const long n = kernel3(SYS_WRITE, fd, (long)left.at, (long)left.length);
    if (n == -EINTR) continue;
    if (n <= 0) return;
    left.at += n;
    left.length -= (size_t)n;
  }
}

// In one write, so that it does not mix with what others write there.
static void write_line(const char* before, const char* text, const char* after) {
  char line[1024];
  struct rg_text out = rg_text_in(line, sizeof line - 1);
  rg_put(&out, before);
  rg_put(&out, text);
  out.size = sizeof line;
  rg_put(&out, after);
  write_all(STDERR, line);
}

static void say(const char* text) { write_line("readygate: ", text, "\n"); }

struct progress {
  bool terminal;  // the line is replaced, and not ended
  bool line_open;
};

static void say_progress(void* context, const char* text) {
  struct progress* const progress = context;
  if (!progress->terminal) {
    say(text);
    return;
  }
  write_line("\r\x1b[Kreadygate: ", text, "");
  progress->line_open = true;
}

// TERM, INT and HUP as a descriptor. As process 1 the default action of a signal is nothing, but a blocked one is kept,
// and read here. One that was ignored when we started (nohup) stays ignored.
struct signals {
  uint64_t before;
  int fd;
};

static struct signals catch_signals(void) {
  static const int wanted[] = {KERNEL_SIGTERM, KERNEL_SIGINT, KERNEL_SIGHUP};
  struct signals out = {0, -1};
  uint64_t caught = 0;
  for (unsigned i = 0; i < sizeof wanted / sizeof wanted[0]; ++i) {
    struct kernel_sigaction action = {0, {0, 0, 0}};
    kernel4(SYS_RT_SIGACTION, wanted[i], 0, (long)&action, sizeof caught);
    if (action.handler != 1) caught |= (uint64_t)1 << (unsigned)(wanted[i] - 1);
  }
  kernel4(SYS_RT_SIGPROCMASK, KERNEL_SIG_BLOCK, (long)&caught, (long)&out.before, sizeof caught);
  out.fd = (int)kernel4(SYS_SIGNALFD4, -1, (long)&caught, sizeof caught, KERNEL_NONBLOCK_CLOEXEC);
  return out;
}

// 128+n for one that came in the last moment, or 0.
static int release_signals(const struct signals* signals) {
  const int late = rg_os_signal(signals->fd);
  if (signals->fd >= 0) rg_os_close(signals->fd);
  kernel4(SYS_RT_SIGPROCMASK, KERNEL_SIG_SETMASK, (long)&signals->before, 0, sizeof signals->before);
  return late > 0 ? 128 + late : 0;
}

static int exit_code(int result) {
  switch (result) {
    case READYGATE_OK: return 0;
    case READYGATE_TIMEOUT: return EXIT_TIMEOUT;
    case READYGATE_FAILED: return EXIT_UNAVAILABLE;
    case READYGATE_DRAINING: return EXIT_TRY_AGAIN;
    case READYGATE_FORBIDDEN: return EXIT_NOT_ALLOWED;
    case READYGATE_USAGE: return EXIT_USAGE;
    default: return EXIT_INTERNAL;
  }
}

static int wait_for_gate(const struct arguments* arguments) {
  char terminal_state[64];  // struct termios of the kernel: 36 bytes
  struct progress progress = {kernel3(SYS_IOCTL, STDERR, KERNEL_TCGETS, (long)terminal_state) == 0, false};
  const struct signals signals = catch_signals();
  const struct rg_waiting what = {
      .socket = arguments->socket,
      .fact = arguments->fact,
      .timeout_ms = arguments->timeout_ms == 0 ? -1 : arguments->timeout_ms,
      .fail_fast = arguments->fail_fast,
      .signal_fd = signals.fd,
      .say_every_ms = progress.terminal ? PROGRESS_TERMINAL_MS : PROGRESS_LINES_MS,
      .say = say_progress,
      .context = &progress,
  };
  struct readygate_why why;
  const int result = rg_wait(&what, &why);
  if (progress.line_open) write_all(STDERR, "\r\x1b[K");
  const int late = release_signals(&signals);
  if (result >= 128) return result;
  if (result != READYGATE_OK) {
    say(why.message);
    return exit_code(result);
  }
  return late;
}

static int sleep_for(int64_t ms) {
  const struct signals signals = catch_signals();
  const int64_t until = rg_os_now_ms() + ms;
  int signal = 0;
  for (int64_t left = ms; left > 0 && signal == 0; left = until - rg_os_now_ms()) {
    if (rg_os_poll(&signals.fd, 1, left) != 0) signal = rg_os_signal(signals.fd);
  }
  const int late = release_signals(&signals);
  return signal > 0 ? 128 + signal : late;
}

// As execvp(3): returns only when the command cannot be run. Our own descriptors are closed by now, and our signals
// given back. `argv` has a word before the command.
static int become(char** argv, char* const* environment) {
  char path[4096];  // PATH_MAX
  struct rg_text text = rg_text_in(path, sizeof path);
  struct places places = places_of(argv[0], environment);
  long error = -ENOENT;
  bool forbidden = false;
  while (next_place(&places, &text)) {
    error = kernel3(SYS_EXECVE, (long)path, (long)argv, (long)environment);
    if (error == -ENOEXEC) {  // a script without its first line
      static char shell[] = "/bin/sh";
      char* const name = argv[0];
      argv[-1] = shell;
      argv[0] = path;
      error = kernel3(SYS_EXECVE, (long)shell, (long)(argv - 1), (long)environment);
      argv[0] = name;
      break;
    }
    // Not there, not for us, or in a folder that is gone: the next place. That one was forbidden is what is told.
    if (error == -EACCES) {
      forbidden = true;
    } else if (error != -ENOENT && error != -ENOTDIR && error != -ENODEV && error != -ETIMEDOUT && error != -ESTALE) {
      forbidden = false;
      break;
    }
  }
  if (forbidden) error = -EACCES;
  char line[512];
  struct rg_text said = rg_text_in(line, sizeof line);
  rg_put(&said, argv[0]);
  rg_put(&said, ": ");
  rg_put(&said, rg_error_text((int)-error));
  say(line);
  return error == -ENOENT || error == -ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

static int run(int argc, char** argv, char* const* environment) {
  char wrong[512];
  struct rg_text problem = rg_text_in(wrong, sizeof wrong);
  const struct arguments arguments = read_arguments(argc, argv, environment, &problem);
  switch (arguments.verb) {
    case VERB_HELP: write_all(STDOUT, help); return 0;
    case VERB_VERSION: write_all(STDOUT, "readygate-wait " READYGATE_VERSION "\n"); return 0;
    case VERB_SLEEP: return sleep_for(arguments.timeout_ms);
    case VERB_USAGE:
      say(wrong);
      write_all(STDERR, "Try `readygate-wait --help`.\n");
      return EXIT_USAGE;
    case VERB_WAIT: break;
  }
  const char* const disable = from_environment(environment, "READYGATE_DISABLE");
  if (disable != NULL && rg_same(rg_span_of(disable), "1")) {
    say("READYGATE_DISABLE=1 is set: the gate is not waited for");
  } else {
    const int code = wait_for_gate(&arguments);
    if (code != 0) return code;
  }
  return arguments.command >= argc ? 0 : become(argv + arguments.command, environment);
}

// `stack` is as the kernel left it.
__attribute__((noreturn, used)) void begin(long* stack);
void begin(long* stack) {
  const int argc = (int)stack[0];
  char** const argv = (char**)(stack + 1);
  const int code = run(argc, argv, argv + argc + 1);
  for (;;) kernel1(SYS_EXIT_GROUP, code);
}

KERNEL_START;
