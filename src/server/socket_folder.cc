#include "server/socket_folder.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <random>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

namespace readygate::server {

Result<SocketFolder> SocketFolder::open(const std::string& socket_path) {
  SocketFolder result;
  const std::size_t slash = socket_path.rfind('/');
  const std::string name = slash == std::string::npos ? socket_path : socket_path.substr(slash + 1);
  result.path_ = slash == std::string::npos ? "." : slash == 0 ? "/" : socket_path.substr(0, slash);
  if (name.empty()) return socket_failure(socket_path, "the path names no file; set gate.socket");
  result.fd_.reset(::open(result.path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!result.fd_) {
    return socket_failure(socket_path, fmt::format("the folder {} cannot be used: {}; make it, or set gate.socket",
                                                   result.path_, std::strerror(errno)));
  }
  std::uint32_t hash = 2166136261U;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  result.start_ = fmt::format(".new-{:08x}-", hash);
  return result;
}

std::string SocketFolder::temporary_name() const {
  std::random_device random;
  return fmt::format("{}{:08x}", start_, random());
}

void SocketFolder::remove_temporaries() const {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path_.c_str()), &::closedir);
  if (!folder) return;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (std::string_view(entry->d_name).substr(0, start_.size()) == start_) {
      ::unlinkat(::dirfd(folder.get()), entry->d_name, 0);
    }
  }
}

Result<std::string> SocketFolder::own(const std::string& file, const std::string& name, mode_t mode,
                                      std::int64_t group) const {
  std::string warning;
  struct stat folder {};
  struct stat made {};
  if (::fstat(fd_.get(), &folder) != 0 || ::lstat(file.c_str(), &made) != 0) {
    return socket_failure(name, std::strerror(errno));
  }
  const gid_t wanted = group >= 0 ? static_cast<gid_t>(group) : folder.st_gid;
  if (made.st_gid != wanted && ::lchown(file.c_str(), static_cast<uid_t>(-1), wanted) != 0) {
    const std::string what = fmt::format("its group cannot be set to {}: {}", wanted, std::strerror(errno));
    if (group >= 0) return socket_failure(name, what + "; correct gate.socket_group");
    warning = fmt::format("{}: {}; it keeps group {}", name, what, made.st_gid);
  }
  if (::chmod(file.c_str(), mode) != 0) return socket_failure(name, std::strerror(errno));
  return warning;
}

FileId id_of(const std::string& file) {
  struct stat there {};
  if (::lstat(file.c_str(), &there) != 0) return {};
  return {there.st_dev, there.st_ino};
}

void unlink_if(const std::string& file, const FileId& ours) {
  if (ours.inode != 0 && id_of(file) == ours) ::unlink(file.c_str());
}

tl::unexpected<Error> socket_failure(const std::string& path, std::string_view what) {
  return fail(Reason::kSocketPath, fmt::format("the socket {} cannot be created: {}", path, what));
}

}  // namespace readygate::server
