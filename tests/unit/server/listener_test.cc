#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rig.h"
#include "server/process.h"
#include "server/tcp_listener.h"
#include "server/unix_listener.h"

using namespace readygate;
using namespace readygate::server;
namespace fs = std::filesystem;

namespace {

std::function<void()> before_listening;

std::size_t entries(const std::string& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

struct stat stat_of(const std::string& path) {
  struct stat result {};
  REQUIRE(::lstat(path.c_str(), &result) == 0);
  return result;
}

// What happens to the names in a folder, temporary ones left out.
class FolderEvents {
 public:
  explicit FolderEvents(const std::string& folder) : fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    REQUIRE(::inotify_add_watch(fd_.get(), folder.c_str(),
                                IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_MODIFY | IN_DELETE) >= 0);
  }
  std::vector<std::string> take() const {
    std::vector<std::string> all;
    alignas(inotify_event) char buffer[4096];
    for (ssize_t got; (got = ::read(fd_.get(), buffer, sizeof buffer)) > 0;) {
      for (const char* at = buffer; at < buffer + got;) {
        inotify_event event{};
        std::memcpy(&event, at, sizeof event);
        const std::string name(at + sizeof event);
        at += sizeof event + event.len;
        if (name.rfind(".new-", 0) == 0 || name == "gate.lock") continue;
        const char* what = (event.mask & IN_MOVED_TO) != 0 ? "came "
                           : (event.mask & IN_DELETE) != 0 ? "went "
                                                           : "changed ";
        all.push_back(what + name);
      }
    }
    return all;
  }

 private:
  UniqueFd fd_;
};

Reason reason_of(const Result<std::unique_ptr<UnixListener>>& result) {
  REQUIRE(!result.has_value());
  return result.error().reason;
}

}  // namespace

// In place of the library's: what is between two system calls is too short to be met by chance.
extern "C" int listen(int fd, int backlog) noexcept {
  if (before_listening) before_listening();
  return static_cast<int>(::syscall(SYS_listen, fd, backlog));
}

TEST_CASE("the socket is born with its mode and its group, and nothing else is left in the folder") {
  const testing::TempFolder folder;
  const std::string path = folder.file("gate.sock");
  {
    const auto listener = UnixListener::create({path, 0640, -1});
    REQUIRE(listener.has_value());
    const struct stat made = stat_of(path);
    CHECK(S_ISSOCK(made.st_mode));
    CHECK((made.st_mode & 0777) == 0640);
    CHECK(made.st_gid == stat_of(folder.path()).st_gid);
    CHECK(entries(folder.path()) == 3);  // and gate.lock, gate.sock.page
    CHECK((*listener)->warning().empty());
    CHECK(testing::connect_local(path));
  }
  CHECK(!fs::exists(path));
  CHECK(fs::exists(folder.file("gate.lock")));
  CHECK(UnixListener::create({path}).has_value());  // the lock file alone stops nobody
}

TEST_CASE("socket and page have the folder's group, unless another was asked for") {
  const testing::TempFolder folder;
  constexpr gid_t kFsGroup = 4712;
  if (::chown(folder.path().c_str(), static_cast<uid_t>(-1), kFsGroup) != 0) {
    MESSAGE("only root can give the folder another group");
    return;
  }
  const std::string path = folder.file("gate.sock");
  const auto listener = UnixListener::create({path, 0660, -1});
  REQUIRE(listener.has_value());
  CHECK(stat_of(path).st_gid == kFsGroup);
  CHECK(stat_of(path + ".page").st_gid == kFsGroup);
}

TEST_CASE("the page is there before the socket and goes before it, and neither changes once it is there") {
  const testing::TempFolder folder;
  const FolderEvents events(folder.path());
  {
    const auto listener = UnixListener::create({folder.file("gate.sock"), 0640, -1});
    REQUIRE(listener.has_value());
    // Whatever was done to them was done under their temporary names.
    CHECK(events.take() == std::vector<std::string>{"came gate.sock.page", "came gate.sock"});
  }
  CHECK(events.take() == std::vector<std::string>{"went gate.sock.page", "went gate.sock"});
}

TEST_CASE("a socket that is there listens: whoever finds it is never refused") {
  const testing::TempFolder folder;
  const std::string path = folder.file("gate.sock");
  int calls = 0;
  bool found = false;
  before_listening = [&] {
    ++calls;
    found = found || fs::exists(path);
  };
  const auto listener = UnixListener::create({path});
  before_listening = nullptr;
  REQUIRE(listener.has_value());
  CHECK(calls == 1);
  CHECK_FALSE(found);
}

TEST_CASE("socket and page get the group that was asked for, or the start says why not") {
  const testing::TempFolder folder;
  const std::string path = folder.file("gate.sock");
  constexpr gid_t kGroup = 4711;
  const auto listener = UnixListener::create({path, 0660, kGroup});
  if (::geteuid() == 0) {
    REQUIRE(listener.has_value());
    CHECK(stat_of(path).st_gid == kGroup);
    CHECK(stat_of(path + ".page").st_gid == kGroup);
  } else {
    CHECK(reason_of(listener) == Reason::kSocketPath);
    CHECK(listener.error().message.find("gate.socket_group") != std::string::npos);
  }
}

TEST_CASE("socket path taken by a live daemon: refused, and the error names it by its own words") {
  testing::Rig rig;
  rig.publish(core::State::kWaiting, false, true);
  // The other daemon answers on a thread of its own, as a process would.
  std::atomic<bool> asked = false;
  std::thread other([&] {
    while (!asked) {
      rig.loop->poll();
      std::this_thread::yield();
    }
  });
  const auto second = UnixListener::create({rig.socket});
  asked = true;
  other.join();
  CHECK(reason_of(second) == Reason::kSocketTaken);
  CHECK(second.error().message.find("instance 00112233445566778899aabbccddeeff, state waiting") != std::string::npos);
  CHECK(fs::exists(rig.socket));
}

TEST_CASE("socket path taken by a daemon that hangs: refused after half a second") {
  testing::Rig rig;  // whose loop does not turn
  const auto asked = std::chrono::steady_clock::now();
  const auto second = UnixListener::create({rig.socket});
  const auto took = std::chrono::steady_clock::now() - asked;
  CHECK(reason_of(second) == Reason::kSocketTaken);
  CHECK(second.error().message.find("does not answer") != std::string::npos);
  CHECK(took >= Millis(500));
}

TEST_CASE("socket path taken by a stale socket file: replaced") {
  const testing::TempFolder folder;
  const std::string path = folder.file("gate.sock");
  {
    auto killed = UnixListener::create({path});
    REQUIRE(killed.has_value());
    fs::rename(path, path + ".kept");  // a killed process unlinks nothing
  }
  fs::rename(path + ".kept", path);
  const auto listener = UnixListener::create({path});
  REQUIRE(listener.has_value());
  CHECK(testing::connect_local(path));
}

TEST_CASE("socket path taken by a file that is no socket: refused, and the file stays") {
  const testing::TempFolder folder;
  const std::string path = folder.file("gate.sock");
  std::ofstream(path) << "precious";
  const auto listener = UnixListener::create({path});
  CHECK(reason_of(listener) == Reason::kSocketPath);
  CHECK(fs::file_size(path) == 8);
  CHECK(entries(folder.path()) == 2);
}

TEST_CASE("temporary names of a daemon that was killed at its birth are removed, others stay") {
  const testing::TempFolder folder;
  const std::string mine = folder.file(".new-f6118c84-0badcafe");
  const std::string other = folder.file(".new-00000000-0badcafe");
  std::ofstream(mine) << "";
  std::ofstream(other) << "";
  const auto listener = UnixListener::create({folder.file("gate.sock")});
  REQUIRE(listener.has_value());
  CHECK(!fs::exists(mine));
  CHECK(fs::exists(other));
}

TEST_CASE("a socket that is not ours any more is not unlinked") {
  const testing::TempFolder folder;
  const std::string path = folder.file("gate.sock");
  {
    const auto listener = UnixListener::create({path});
    REQUIRE(listener.has_value());
    fs::rename(path, path + ".old");
    std::ofstream(path) << "of somebody else";
  }
  CHECK(fs::exists(path));
}

TEST_CASE("paths: 107 bytes work, 108 do not, no folder does not") {
  const testing::TempFolder folder;
  const auto path_of = [&](std::size_t length) {
    return folder.file(std::string(length - folder.path().size() - 1, 'g'));
  };
  {
    const auto listener = UnixListener::create({path_of(107)});
    REQUIRE(listener.has_value());
    CHECK(testing::connect_local(path_of(107)));
  }
  CHECK(reason_of(UnixListener::create({path_of(108)})) == Reason::kSocketPath);
  const auto nowhere = UnixListener::create({folder.file("missing/gate.sock")});
  CHECK(reason_of(nowhere) == Reason::kSocketPath);
  CHECK(nowhere.error().message.find(folder.file("missing")) != std::string::npos);
  CHECK(reason_of(UnixListener::create({folder.path() + "/"})) == Reason::kSocketPath);
}

TEST_CASE("where the lock lies") {
  CHECK(lock_path("/run/readygate/gate.sock") == "/run/readygate/gate.lock");
  CHECK(lock_path("/run/x") == "/run/x.lock");
  CHECK(lock_path("/run/.sock") == "/run/.sock.lock");
}

TEST_CASE("who may POST") {
  const uid_t mine = ::getuid();
  const std::vector<uid_t> none;
  CHECK(may_post(mine, none));
  CHECK(may_post(0, none));
  CHECK(!may_post(mine + 4711, none));
  const std::vector<uid_t> listed = {4711, 65534};
  CHECK(may_post(4711, listed));
  CHECK(!may_post(mine, listed));
  CHECK(!may_post(65534, listed));
}

TEST_CASE("addresses to listen on") {
  CHECK(parse_listen("[::]:8088").has_value());
  CHECK(parse_listen(":8088").has_value());
  CHECK(parse_listen("[::1]:0").has_value());
  CHECK(parse_listen("127.0.0.1:65535")->address.ss_family == AF_INET);
  for (const char* bad : {"", "8088", "localhost:8088", "[::]", "[::]:", "[::]:65536", "[::]:-1", "[::]:80 ", "::1:80",
                          "127.0.0.1:http", "[127.0.0.1]:80", "1.2.3:80"}) {
    CAPTURE(bad);
    const auto parsed = parse_listen(bad);
    CHECK(!parsed.has_value());
    if (!parsed) CHECK(parsed.error().reason == Reason::kConfigInvalid);
  }
}

TEST_CASE("port taken") {
  const auto first = listen_tcp("127.0.0.1:0");
  REQUIRE(first.has_value());
  CHECK(first->port != 0);
  const auto second = listen_tcp("127.0.0.1:" + std::to_string(first->port));
  REQUIRE(!second.has_value());
  CHECK(second.error().reason == Reason::kPortTaken);
  CHECK(second.error().message.find(std::to_string(first->port)) != std::string::npos);
}

TEST_CASE("[::] serves IPv4 too") {
  const auto listener = listen_tcp("[::]:0");
  REQUIRE(listener.has_value());
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(listener->port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const void* bytes = &address;
  CHECK(::connect(client.get(), static_cast<const sockaddr*>(bytes), sizeof address) == 0);
}

TEST_CASE("[::] falls back to 0.0.0.0 where there is no IPv6") {
  Result<TcpListener> listener = fail(Reason::kInternal, "not tried");
  bool without = false;
  // A filter of system calls holds for the thread that sets it, and for no other.
  std::thread([&] {
    const sock_filter no_ipv6[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog program{};
    program.len = static_cast<unsigned short>(std::size(no_ipv6));
    program.filter = const_cast<sock_filter*>(no_ipv6);
    without =
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
    listener = listen_tcp("[::]:0");
  }).join();
  REQUIRE(without);
  REQUIRE(listener.has_value());
  CHECK(listener->ipv4_only);
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  void* bytes = &bound;
  REQUIRE(::getsockname(listener->fd.get(), static_cast<sockaddr*>(bytes), &length) == 0);
  CHECK(bound.ss_family == AF_INET);
}
