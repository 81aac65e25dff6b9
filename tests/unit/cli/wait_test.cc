// The wait against a real server on real sockets, whose loop turns on a thread of its own. What may differ is only how
// long it takes; nothing here depends on that.
#include <atomic>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <csignal>

#include "cli/exit_code.h"
#include "cli/gate_client.h"
#include "cli/wait.h"
#include "rig.h"

using namespace readygate;
using namespace readygate::cli;
using core::State;
using server::testing::Rig;
using server::testing::TempFolder;

namespace {

const SystemClock kClock;

// A daemon as the client meets it. Functions given to on_loop() run on its thread.
class Daemon {
 public:
  explicit Daemon(const std::string& socket, State first = State::kConnecting) {
    loop_ = std::move(*server::Loop::create(kClock));
    server::ServerOptions options;
    options.listen = "";
    options.socket = socket;
    server_ = std::move(*server::Server::create(*loop_, options, {}));
    server_->publish(
        server::testing::published(server::testing::sample(first, first == State::kReady, first == State::kReady)));
    thread_ = std::thread([this] { loop_->run(); });
  }
  ~Daemon() {
    loop_->post([this] {
      server_.reset();
      loop_->stop();
    });
    thread_.join();
  }
  void become(State state, bool initialized, bool reachable) {
    loop_->post([this, snapshot = server::testing::published(server::testing::sample(state, initialized, reachable))] {
      server_->publish(snapshot);
    });
  }
  void when_waited_for(std::function<void()> then) {
    loop_->post([this, then] {
      if (server_->waiters() > 0) return then();
      poll_ = loop_->after(Millis(1), [this, then] { when_waited_for(then); });
    });
  }

 private:
  std::unique_ptr<server::Loop> loop_;
  std::unique_ptr<server::Server> server_;
  server::Timer poll_;
  std::thread thread_;
};

WaitEnd wait(WaitOptions options) { return wait_for_gate(options, {kClock, -1, false, {}}); }

WaitOptions on(const std::string& socket, Millis timeout = Millis(0)) {
  WaitOptions options;
  options.socket = socket;
  options.timeout = timeout;
  return options;
}

// Runs run_wait() in a process of its own and gives its exit status; its output goes to `err`.
int run_in_child(const WaitOptions& options, const std::string& err, const std::function<void()>& before = {},
                 const std::function<void(pid_t)>& meanwhile = {}) {
  const pid_t child = ::fork();
  if (child == 0) {
    const int file = ::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (::dup2(file, STDOUT_FILENO) < 0 || ::dup2(file, STDERR_FILENO) < 0 || ::close(file) != 0) ::_exit(99);
    // A test that runs in the background of a shell has inherited ignored signals.
    for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
    if (before) before();
    ::_exit(run_wait(options));
  }
  if (meanwhile) meanwhile(child);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("wait: an open gate is passed at once") {
  const TempFolder folder;
  const Daemon daemon(folder.file("gate.sock"), State::kReady);
  CHECK(wait(on(folder.file("gate.sock"))).exit_code == kExitOk);
}

TEST_CASE("wait: held until the gate opens") {
  const TempFolder folder;
  Daemon daemon(folder.file("gate.sock"));
  daemon.when_waited_for([&] { daemon.become(State::kReady, true, true); });
  CHECK(wait(on(folder.file("gate.sock"))).exit_code == kExitOk);
}

TEST_CASE("wait: a daemon that is not there yet is waited for, and so is its folder") {
  const TempFolder folder;
  const std::string socket = folder.file("later/gate.sock");
  std::unique_ptr<Daemon> daemon;
  std::thread late([&] {
    std::this_thread::sleep_for(Millis(20));
    ::mkdir(folder.file("later").c_str(), 0755);
    daemon = std::make_unique<Daemon>(socket, State::kReady);
  });
  CHECK(wait(on(socket)).exit_code == kExitOk);
  late.join();
}

TEST_CASE("wait: a daemon that ends before it answers is waited for again") {
  const TempFolder folder;
  const std::string socket = folder.file("gate.sock");
  auto first = std::make_unique<Daemon>(socket);
  std::atomic<bool> waited = false;
  first->when_waited_for([&] { waited = true; });
  std::unique_ptr<Daemon> second;
  std::thread restart([&] {
    while (!waited) std::this_thread::yield();
    first.reset();
    second = std::make_unique<Daemon>(socket, State::kReady);
  });
  CHECK(wait(on(socket)).exit_code == kExitOk);
  restart.join();
}

TEST_CASE("wait: 124 at the timeout, with the last cause") {
  const TempFolder folder;
  const std::string socket = folder.file("gate.sock");
  const WaitEnd missing = wait(on(socket, Millis(30)));
  CHECK(missing.exit_code == kExitTimeout);
  CHECK(missing.message.find("not open after 30ms") == 0);
  CHECK(missing.message.find("the socket does not exist") != std::string::npos);

  {
    const UniqueFd deaf(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket.copy(address.sun_path, sizeof address.sun_path - 1);
    const void* bytes = &address;
    REQUIRE(::bind(deaf.get(), static_cast<const sockaddr*>(bytes), sizeof address) == 0);
    CHECK(wait(on(socket, Millis(30))).message.find("nobody listens") != std::string::npos);
  }
  ::unlink(socket.c_str());

  Daemon daemon(socket);
  const WaitEnd closed = wait(on(socket, Millis(30)));
  CHECK(closed.exit_code == kExitTimeout);
  CHECK(closed.message.find("the gate is connecting, initializing: db.internal:27017 is spoken to") !=
        std::string::npos);
}

TEST_CASE("wait: failed only under fail-fast, draining always, and a path that cannot be one") {
  const TempFolder folder;
  const std::string socket = folder.file("gate.sock");
  Daemon daemon(socket, State::kFailed);
  WaitOptions options = on(socket, Millis(30));
  CHECK(wait(options).exit_code == kExitTimeout);
  options.fail_fast = true;
  options.timeout = Millis(0);
  CHECK(wait(options).exit_code == kExitUnavailable);
  daemon.become(State::kDraining, false, false);
  CHECK(wait(on(socket)).exit_code == kExitTryAgain);
  CHECK(wait(on(folder.file(std::string(120, 'x')))).exit_code == kExitUsage);
}

TEST_CASE("wait: progress says what the gate does") {
  const TempFolder folder;
  Daemon daemon(folder.file("gate.sock"));
  std::string said;
  WaitSurroundings around{kClock, -1, true, {}};
  around.say = [&](std::string_view text) {
    said = text;
    daemon.become(State::kReady, true, true);
  };
  CHECK(wait_for_gate(on(folder.file("gate.sock")), around).exit_code == kExitOk);
  CHECK(said.find("waiting for open (1s): the gate is connecting") == 0);
}

TEST_CASE("wait: the command takes its place, with the exit code its own") {
  const TempFolder folder;
  const std::string err = folder.file("err");
  const Daemon daemon(folder.file("gate.sock"), State::kReady);
  WaitOptions options = on(folder.file("gate.sock"));
  options.command = {"sh", "-c", "exit 7"};
  CHECK(run_in_child(options, err) == 7);
  CHECK(contents(err).empty());
  options.command = {"no-such-program"};
  CHECK(run_in_child(options, err) == kExitNotFound);
  CHECK(contents(err) == "readygate: no-such-program: No such file or directory\n");
  options.command = {folder.file("plain")};
  std::ofstream(folder.file("plain")) << "#!/bin/sh\n";
  CHECK(run_in_child(options, err) == kExitNotExecutable);
}

TEST_CASE("wait: the command inherits no descriptor, no blocked signal and no changed disposition") {
  const TempFolder folder;
  const std::string err = folder.file("err");
  const Daemon daemon(folder.file("gate.sock"), State::kReady);
  WaitOptions options = on(folder.file("gate.sock"));
  options.command = {"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"};  // not a shell: it would clear the mask
  REQUIRE(run_in_child(options, err) == 0);
  const std::string after = contents(err);
  CHECK(after.find("SigBlk:\t0000000000000000") != std::string::npos);
  CHECK(after.find("SigIgn:\t0000000000000000") != std::string::npos);

  options.command = {"ls", "-l", "/proc/self/fd"};
  REQUIRE(run_in_child(options, err) == 0);
  CHECK(contents(err).find("inotify") == std::string::npos);
  CHECK(contents(err).find("signalfd") == std::string::npos);
}

TEST_CASE("wait: TERM, INT and HUP end it with 128+n; one that was ignored does not") {
  const TempFolder folder;
  const std::string err = folder.file("err");
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    // Sent by itself: the signal is pending from the very start, and is read from the descriptor.
    const auto send = [signal](pid_t child) { ::kill(child, signal); };
    const auto block = [] {
      sigset_t all;
      ::sigfillset(&all);
      ::sigprocmask(SIG_SETMASK, &all, nullptr);
    };
    sigset_t before;
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before);  // inherited, so that it cannot come before it is caught
    CHECK(run_in_child(on(folder.file("none.sock")), err, block, send) == kExitSignal + signal);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
  }
  // As nohup does. Blocked as well, so that the signal is there to be read by whoever looks for it.
  CHECK(run_in_child(on(folder.file("none.sock"), Millis(50)), err, [] {
          sigset_t hangup;
          ::sigemptyset(&hangup);
          ::sigaddset(&hangup, SIGHUP);
          ::sigprocmask(SIG_BLOCK, &hangup, nullptr);
          ::signal(SIGHUP, SIG_IGN);
          ::raise(SIGHUP);
        }) == kExitTimeout);
}

TEST_CASE("wait: READYGATE_DISABLE=1 passes, and says so") {
  const TempFolder folder;
  const std::string err = folder.file("err");
  WaitOptions options = on(folder.file("none.sock"));
  options.command = {"true"};
  CHECK(run_in_child(options, err, [] { ::setenv("READYGATE_DISABLE", "1", 1); }) == 0);
  CHECK(contents(err) == "readygate: READYGATE_DISABLE=1 is set: the gate is not waited for\n");
}

TEST_CASE("a client of the socket: answers, refusals, silence") {
  const TempFolder folder;
  const std::string socket = folder.file("gate.sock");
  CHECK(ask_status(socket, Millis(100), kClock).error().reason == Reason::kGateUnreachable);
  {
    Rig rig;  // its loop does not turn: a daemon that hangs
    const auto silent = ask_status(rig.socket, Millis(20), kClock);
    REQUIRE(!silent.has_value());
    CHECK(silent.error().message.find("within 20 ms") != std::string::npos);
  }
  const Daemon daemon(socket, State::kReady);
  const auto status = ask_status(socket, Millis(2000), kClock);
  REQUIRE(status.has_value());
  CHECK(text_at(*status, "schema.name") == "rebalancer");
  CHECK(number_at(*status, "schema.version") == 3);
  CHECK(flag_at(*status, "open") == true);
  CHECK(!flag_at(*status, "state").has_value());
  CHECK(!text_at(*status, "nowhere").has_value());
}
