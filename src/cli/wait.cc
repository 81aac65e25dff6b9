#include "cli/wait.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "base/duration.h"
#include "cli/exit_code.h"
#include "cli/gate_client.h"

namespace readygate::cli {
namespace {

constexpr Millis kTryAgain{1000};
constexpr Millis kProgressTerminal{1000};
constexpr Millis kProgressLines{10'000};
constexpr Millis kStatusLimit{200};
constexpr std::size_t kLongestAnswer = 4096;

// Something happened in the folder of the socket: a hint to try at once. Where there are no inotify instances left, or
// the folder is not there yet, it stays silent, and the tries once a second do the work.
class FolderWatch {
 public:
  explicit FolderWatch(const std::string& socket) : fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    const std::size_t slash = socket.rfind('/');
    folder_ = slash == std::string::npos ? "." : slash == 0 ? "/" : socket.substr(0, slash);
  }

  int fd() const { return fd_.get(); }

  // Before each try: between the look and the sleep nothing may be missed. A folder that was replaced is found again.
  void renew() {
    if (fd_) ::inotify_add_watch(fd_.get(), folder_.c_str(), IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR);
  }

  void drain() {
    alignas(inotify_event) std::array<char, 4096> ignored;
    while (::read(fd_.get(), ignored.data(), ignored.size()) > 0) {
    }
  }

 private:
  UniqueFd fd_;
  std::string folder_;
};

std::string describe(const schema::Document& snapshot) {
  std::string out = fmt::format("the gate is {}", text_at(snapshot, "state").value_or("unknown"));
  if (const auto what = text_at(snapshot, "phase.what"); what && !what->empty()) out += fmt::format(" ({})", *what);
  if (const auto code = text_at(snapshot, "code"); code && *code != "none") out += fmt::format(", {}", *code);
  if (const auto reason = text_at(snapshot, "reason"); reason && !reason->empty()) out += fmt::format(": {}", *reason);
  return out;
}

class Waiting {
 public:
  Waiting(const WaitOptions& options, const WaitSurroundings& around)
      : options_(options), around_(around), folder_(options.socket), started_(around.clock.now()) {
    next_try_ = started_;
    next_progress_ = started_ + progress_period();
  }

  WaitEnd run() {
    for (;;) {
      if (!connection_ && now() >= next_try_) {
        if (std::optional<WaitEnd> end = connect()) return *end;
      }
      if (options_.timeout > Millis(0) && now() >= deadline()) return timed_out();
      if (now() >= next_progress_) report();
      if (std::optional<WaitEnd> end = sleep()) return *end;
    }
  }

 private:
  Instant now() const { return around_.clock.now(); }
  Instant deadline() const { return started_ + options_.timeout; }
  Millis progress_period() const { return around_.terminal ? kProgressTerminal : kProgressLines; }

  std::optional<WaitEnd> connect() {
    folder_.renew();
    tried_ = now();
    next_try_ = tried_ + kTryAgain;
    Result<UniqueFd> fd = connect_gate(options_.socket);
    if (!fd && fd.error().reason == Reason::kSocketPath) return WaitEnd{kExitUsage, fd.error().message};
    if (!fd) {
      cause_ = fd.error().message;
      return std::nullopt;
    }
    const std::string ask =
        fmt::format("WAIT {}{}\n", core::name(options_.fact), options_.fail_fast ? " fail-fast" : "");
    if (::send(fd->get(), ask.data(), ask.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(ask.size())) {
      cause_ = "the daemon closed the connection";
      return std::nullopt;
    }
    connection_ = std::move(*fd);
    answer_.clear();
    return std::nullopt;
  }

  // Until something comes or is due.
  std::optional<WaitEnd> sleep() {
    Instant until = next_progress_;
    if (!connection_) until = std::min(until, next_try_);
    if (options_.timeout > Millis(0)) until = std::min(until, deadline());
    // Rounded up: waking a moment early would be a turn for nothing.
    const auto left = std::chrono::ceil<Millis>(until - now());
    std::array<pollfd, 3> fds{
        {{around_.signal_fd, POLLIN, 0}, {connection_ ? -1 : folder_.fd(), POLLIN, 0}, {connection_.get(), POLLIN, 0}}};
    const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(std::max<std::int64_t>(0, left.count())));
    if (ready <= 0) return std::nullopt;
    if (fds[0].revents != 0) {
      signalfd_siginfo signal{};
      if (::read(around_.signal_fd, &signal, sizeof signal) == sizeof signal) {
        return WaitEnd{kExitSignal + static_cast<int>(signal.ssi_signo), ""};
      }
    }
    if (fds[1].revents != 0) {
      folder_.drain();
      next_try_ = now();
    }
    if (fds[2].revents != 0) return hear();
    return std::nullopt;
  }

  std::optional<WaitEnd> hear() {
    std::array<char, 1024> buffer;
    const ssize_t got = ::recv(connection_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
    if (got > 0) answer_.append(buffer.data(), static_cast<std::size_t>(got));
    const std::size_t lf = answer_.find('\n');
    if (lf != std::string::npos) return decide(answer_.substr(0, lf));
    if (got > 0 && answer_.size() < kLongestAnswer) return std::nullopt;
    disconnect("the daemon ended before it answered");
    return std::nullopt;
  }

  void disconnect(std::string why) {
    connection_.reset();
    cause_ = std::move(why);
    // At once when the connection had lasted, so that a restarted daemon is found; never in a tight circle.
    next_try_ = std::max(now(), tried_ + kTryAgain);
  }

  std::optional<WaitEnd> decide(const std::string& line) {
    const Result<schema::Document> json = schema::Document::from_json(line);
    const std::optional<bool> ok = json ? flag_at(*json, "ok") : std::nullopt;
    if (!ok) return WaitEnd{kExitInternal, "the answer is not understood: is it a gate?"};
    if (*ok) return WaitEnd{};
    const std::string why = text_at(*json, "why").value_or("");
    const std::string code = text_at(*json, "code").value_or("unknown");
    if (why == "failed") return WaitEnd{kExitUnavailable, with_status(fmt::format("the gate failed ({})", code))};
    if (why == "draining") return WaitEnd{kExitTryAgain, "the gate is draining: it will not open again"};
    if (why == "forbidden") return WaitEnd{kExitNotAllowed, "the gate does not answer this user"};
    if (why == "busy" || why == "timeout") {
      disconnect(fmt::format("the gate answers: {}", why));
      return std::nullopt;
    }
    return WaitEnd{kExitInternal, fmt::format("the gate answers: {}; is it of another version?", why)};
  }

  // What the gate says of itself now; where it does not answer, `otherwise`.
  std::string with_status(const std::string& otherwise) const {
    const Result<schema::Document> snapshot = ask_status(options_.socket, kStatusLimit, around_.clock);
    return snapshot ? describe(*snapshot) : otherwise;
  }

  std::string cause() const { return connection_ ? with_status("the gate does not say why") : cause_; }

  WaitEnd timed_out() const {
    return WaitEnd{kExitTimeout, fmt::format("not {} after {}: {}", core::name(options_.fact),
                                             format_duration(options_.timeout), cause())};
  }

  void report() {
    const auto waited = std::chrono::duration_cast<Seconds>(now() - started_);
    if (around_.say) {
      around_.say(fmt::format("waiting for {} ({}s): {}", core::name(options_.fact), waited.count(), cause()));
    }
    next_progress_ = now() + progress_period();
  }

  const WaitOptions& options_;
  const WaitSurroundings& around_;
  FolderWatch folder_;
  const Instant started_;
  Instant tried_{};
  Instant next_try_{};
  Instant next_progress_{};
  UniqueFd connection_;
  std::string answer_;
  std::string cause_ = "the socket was not tried yet";
};

void say(std::string_view text) { fmt::print(stderr, "readygate: {}\n", text); }

// TERM, INT and HUP as a descriptor. As process 1 the default action of a signal is nothing, but a blocked one is kept,
// and read here. One that was ignored when we started (nohup) stays ignored.
class Signals {
 public:
  Signals() {
    sigset_t caught;
    ::sigemptyset(&caught);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
      struct sigaction action {};
      if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) continue;
      ::sigaddset(&caught, signal);
    }
    ::sigprocmask(SIG_BLOCK, &caught, &before_);
    fd_.reset(::signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  ~Signals() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  int fd() const { return fd_.get(); }

  // 128+n for one that came in the last moment, or 0.
  int last_moment() const {
    signalfd_siginfo signal{};
    if (::read(fd_.get(), &signal, sizeof signal) != sizeof signal) return 0;
    return kExitSignal + static_cast<int>(signal.ssi_signo);
  }

 private:
  sigset_t before_{};
  UniqueFd fd_;
};

int wait_with_signals(const WaitOptions& options) {
  const SystemClock clock;
  const Signals signals;
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  bool line_open = false;
  WaitSurroundings around{clock, signals.fd(), terminal, {}};
  around.say = [&](std::string_view text) {
    if (!terminal) return say(text);
    fmt::print(stderr, "\r\x1b[Kreadygate: {}", text);
    std::fflush(stderr);
    line_open = true;
  };
  const WaitEnd end = wait_for_gate(options, around);
  if (line_open) fmt::print(stderr, "\r\x1b[K");
  if (!end.message.empty()) say(end.message);
  return end.exit_code != 0 ? end.exit_code : signals.last_moment();
}

// Returns only when the command cannot be run. Every descriptor of ours is closed by now, and would be closed by exec.
int become(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& one : command) arguments.push_back(const_cast<char*>(one.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  const int error = errno;
  say(fmt::format("{}: {}", command[0], std::strerror(error)));
  return error == ENOENT || error == ENOTDIR ? kExitNotFound : kExitNotExecutable;
}

}  // namespace

WaitEnd wait_for_gate(const WaitOptions& options, const WaitSurroundings& around) {
  return Waiting(options, around).run();
}

int run_wait(const WaitOptions& options) {
  const char* disabled = std::getenv("READYGATE_DISABLE");
  if (disabled != nullptr && std::string_view(disabled) == "1") {
    say("READYGATE_DISABLE=1 is set: the gate is not waited for");
  } else if (const int code = wait_with_signals(options); code != 0) {
    return code;
  }
  return options.command.empty() ? 0 : become(options.command);
}

}  // namespace readygate::cli
