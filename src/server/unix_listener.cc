#include "server/unix_listener.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include "server/server_limits.h"

namespace readygate::server {
namespace {

constexpr int kAskOtherMs = 500;

bool fits(const std::string& path) { return path.size() < sizeof(sockaddr_un::sun_path); }

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  const void* bytes = &address;
  return static_cast<const sockaddr*>(bytes);
}

// The value of a string member of a snapshot, which this program itself rendered: no need for a JSON reader here.
std::string string_member(std::string_view json, std::string_view name) {
  const std::string start = fmt::format("\"{}\":\"", name);
  const std::size_t at = json.find(start);
  if (at == std::string_view::npos) return "";
  const std::string_view rest = json.substr(at + start.size());
  return std::string(rest.substr(0, rest.find('"')));
}

// What the daemon that holds the lock says of itself.
std::string ask_other(const std::string& path) {
  std::string silent = "it does not answer";
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_of(path);
  if (!fd || ::connect(fd.get(), generic(address), sizeof address) != 0) return silent;
  constexpr std::string_view kAsk = "STATUS\n";
  if (::send(fd.get(), kAsk.data(), kAsk.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(kAsk.size())) return silent;
  // Instance and state stand in the first few hundred bytes, which come in one piece.
  pollfd wait{fd.get(), POLLIN, 0};
  if (::poll(&wait, 1, kAskOtherMs) != 1) return silent;
  char buffer[4096];
  const ssize_t got = ::recv(fd.get(), buffer, sizeof buffer, 0);
  const std::string_view answer(buffer, got > 0 ? static_cast<std::size_t>(got) : 0);
  const std::string instance = string_member(answer, "instance_id");
  if (instance.empty()) return silent;
  return fmt::format("instance {}, state {}", instance, string_member(answer, "state"));
}

}  // namespace

std::string lock_path(const std::string& socket_path) {
  constexpr std::string_view kEnding = ".sock";
  std::string stem = socket_path;
  if (stem.size() > kEnding.size() && std::string_view(stem).substr(stem.size() - kEnding.size()) == kEnding &&
      stem[stem.size() - kEnding.size() - 1] != '/') {
    stem.resize(stem.size() - kEnding.size());
  }
  return stem + ".lock";
}

Result<std::unique_ptr<UnixListener>> UnixListener::create(const UnixSocketOptions& options) {
  const std::string& path = options.path;
  if (!fits(path)) {
    return socket_failure(path,
                          fmt::format("the path has {} bytes and the kernel allows 107; set gate.socket", path.size()));
  }
  const Result<SocketFolder> folder = SocketFolder::open(path);
  if (!folder) return tl::unexpected<Error>(folder.error());

  std::unique_ptr<UnixListener> result(new UnixListener());
  result->path_ = path;
  const std::string lock = lock_path(path);
  result->lock_.reset(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!result->lock_) {
    return socket_failure(
        path, fmt::format("the lock file {} cannot be opened: {}; make the folder writable for this user", lock,
                          std::strerror(errno)));
  }
  if (::flock(result->lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return socket_failure(path, fmt::format("flock on {}: {}", lock, std::strerror(errno)));
    return fail(Reason::kSocketTaken,
                fmt::format("another daemon serves {} ({}); stop it, or set gate.socket", path, ask_other(path)));
  }

  struct stat there {};
  if (::lstat(path.c_str(), &there) == 0 && !S_ISSOCK(there.st_mode)) {
    return socket_failure(path, "a file that is not a socket is there; remove it, or set gate.socket");
  }
  folder->remove_temporaries();
  Result<std::unique_ptr<StatePage>> page =
      StatePage::create(*folder, {page_path(path), options.group, options.instance});
  if (!page) return tl::unexpected<Error>(page.error());
  result->page_ = std::move(*page);
  result->warning_ = result->page_->warning();

  result->fd_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!result->fd_) return socket_failure(path, std::strerror(errno));
  const std::string name = folder->temporary_name();
  const std::string temporary = folder->full(name);
  // The temporary name may be longer than the final one: where it does not fit, it is reached through the open folder.
  const std::string bind_path = fits(temporary) ? temporary : fmt::format("/proc/self/fd/{}/{}", folder->fd(), name);
  const sockaddr_un address = address_of(bind_path);
  if (::bind(result->fd_.get(), generic(address), sizeof address) != 0) {
    return socket_failure(path, fmt::format("{}; make the folder writable for this user", std::strerror(errno)));
  }
  const auto give_up = [&](const std::string& what) {
    ::unlink(temporary.c_str());
    return socket_failure(path, what);
  };
  const Result<std::string> owned = folder->own(temporary, path, options.mode, options.group);
  if (!owned) {
    ::unlink(temporary.c_str());
    return tl::unexpected<Error>(owned.error());
  }
  if (!owned->empty()) result->warning_ = *owned;
  const FileId id = id_of(temporary);
  if (::listen(result->fd_.get(), kBacklog) != 0) return give_up(std::strerror(errno));
  if (::rename(temporary.c_str(), path.c_str()) != 0) return give_up(std::strerror(errno));
  result->id_ = id;
  return result;
}

UnixListener::~UnixListener() {
  page_.reset();
  unlink_if(path_, id_);
}

}  // namespace readygate::server
