#include "server/unix_listener.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <random>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

namespace readygate::server {
namespace {

constexpr int kBacklog = 4096;  // the kernel caps it at net.core.somaxconn
constexpr int kAskOtherMs = 500;

struct Place {
  std::string folder;  // "." for a bare name
  std::string name;
};

Place split(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

tl::unexpected<Error> path_failure(const std::string& path, std::string_view what) {
  return fail(Reason::kSocketPath, fmt::format("the socket {} cannot be created: {}", path, what));
}

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

// How temporary names of this socket begin: short whatever the socket's own name is, and different from those of
// another socket in the same folder (FNV-1a).
std::string temporary_start(const Place& place) {
  std::uint32_t hash = 2166136261U;
  for (const char c : place.name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return fmt::format(".new-{:08x}-", hash);
}

// Sockets that a daemon killed in the middle of its birth left behind. The lock is held, so nobody is being born.
void remove_temporaries(const Place& place) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(place.folder.c_str()), &::closedir);
  if (!folder) return;
  const std::string start = temporary_start(place);
  while (const dirent* entry = ::readdir(folder.get())) {
    if (std::string_view(entry->d_name).substr(0, start.size()) == start) {
      ::unlinkat(::dirfd(folder.get()), entry->d_name, 0);
    }
  }
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
  const Place place = split(path);
  if (place.name.empty()) return path_failure(path, "the path names no file; set gate.socket");
  if (!fits(path)) {
    return path_failure(path,
                        fmt::format("the path has {} bytes and the kernel allows 107; set gate.socket", path.size()));
  }
  const UniqueFd folder(::open(place.folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) {
    return path_failure(path, fmt::format("the folder {} cannot be used: {}; make it, or set gate.socket", place.folder,
                                          std::strerror(errno)));
  }

  std::unique_ptr<UnixListener> result(new UnixListener());
  result->path_ = path;
  const std::string lock = lock_path(path);
  result->lock_.reset(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!result->lock_) {
    return path_failure(
        path, fmt::format("the lock file {} cannot be opened: {}; make the folder writable for this user", lock,
                          std::strerror(errno)));
  }
  if (::flock(result->lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return path_failure(path, fmt::format("flock on {}: {}", lock, std::strerror(errno)));
    return fail(Reason::kSocketTaken,
                fmt::format("another daemon serves {} ({}); stop it, or set gate.socket", path, ask_other(path)));
  }

  struct stat there {};
  if (::lstat(path.c_str(), &there) == 0 && !S_ISSOCK(there.st_mode)) {
    return path_failure(path, "a file that is not a socket is there; remove it, or set gate.socket");
  }
  remove_temporaries(place);

  result->fd_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!result->fd_) return path_failure(path, std::strerror(errno));
  std::random_device random;
  const std::string name = fmt::format("{}{:08x}", temporary_start(place), random());
  const std::string temporary = place.folder + "/" + name;
  // The temporary name may be longer than the final one: where it does not fit, it is reached through the open folder.
  const std::string bind_path = fits(temporary) ? temporary : fmt::format("/proc/self/fd/{}/{}", folder.get(), name);
  const sockaddr_un address = address_of(bind_path);
  if (::bind(result->fd_.get(), generic(address), sizeof address) != 0) {
    return path_failure(path, fmt::format("{}; make the folder writable for this user", std::strerror(errno)));
  }
  const auto give_up = [&](std::string_view what) {
    ::unlink(temporary.c_str());
    return path_failure(path, what);
  };

  struct stat folder_stat {};
  if (::fstat(folder.get(), &folder_stat) != 0) return give_up(std::strerror(errno));
  const gid_t group = options.group >= 0 ? static_cast<gid_t>(options.group) : folder_stat.st_gid;
  struct stat made {};
  if (::lstat(temporary.c_str(), &made) != 0) return give_up(std::strerror(errno));
  if (made.st_gid != group && ::lchown(temporary.c_str(), static_cast<uid_t>(-1), group) != 0) {
    const std::string what = fmt::format("its group cannot be set to {}: {}", group, std::strerror(errno));
    if (options.group >= 0) return give_up(what + "; correct gate.socket_group");
    result->warning_ = fmt::format("the socket {}: {}; it keeps group {}", path, what, made.st_gid);
  }
  if (::chmod(temporary.c_str(), options.mode) != 0) return give_up(std::strerror(errno));
  if (::listen(result->fd_.get(), kBacklog) != 0) return give_up(std::strerror(errno));
  if (::rename(temporary.c_str(), path.c_str()) != 0) return give_up(std::strerror(errno));
  result->device_ = made.st_dev;
  result->inode_ = made.st_ino;
  return result;
}

UnixListener::~UnixListener() {
  struct stat there {};
  if (inode_ != 0 && ::lstat(path_.c_str(), &there) == 0 && there.st_dev == device_ && there.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
}

}  // namespace readygate::server
