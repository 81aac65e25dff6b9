#include "cli/output_file.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace readygate::cli {
namespace {

// Removes the file unless it was renamed.
class Temporary {
 public:
  explicit Temporary(std::string path) : path_(std::move(path)) {}
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  const char* path() const { return path_.c_str(); }
  void keep() { path_.clear(); }

 private:
  std::string path_;
};

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

// What a new file gets: what the user's mask leaves.
mode_t new_mode() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666U & ~mask;
}

}  // namespace

tl::expected<void, Error> write_file(const std::string& path, std::string_view text, Existing existing) {
  namespace fs = std::filesystem;
  const auto unwritable = [&](int error) {
    return fail(Reason::kFileUnwritable, fmt::format("{} cannot be written: {}", path, std::strerror(error)));
  };
  std::error_code error;
  const fs::path resolved = fs::canonical(path, error);
  const fs::path target = error ? fs::path(path) : resolved;
  struct stat before {};
  const bool there = ::lstat(target.c_str(), &before) == 0;
  if (there && !S_ISREG(before.st_mode)) return unwritable(S_ISDIR(before.st_mode) ? EISDIR : EINVAL);

  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  std::string name = (folder / fmt::format(".{}.XXXXXX", target.filename().string())).string();
  const UniqueFd fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd) return unwritable(errno);
  Temporary temporary(std::move(name));
  // Only root may give a file away; a file of another user that may be replaced is then ours.
  if (there && ::fchown(fd.get(), before.st_uid, before.st_gid) != 0 && errno != EPERM) return unwritable(errno);
  if (::fchmod(fd.get(), there ? before.st_mode & 07777U : new_mode()) != 0 || !write_all(fd.get(), text) ||
      ::fsync(fd.get()) != 0) {
    return unwritable(errno);
  }
  if (existing == Existing::kKeep) {
    if (::link(temporary.path(), target.c_str()) != 0) {  // unlike rename, never over another
      if (errno != EEXIST) return unwritable(errno);
      return fail(Reason::kUsage, fmt::format("{} is there already; --force replaces it", path));
    }
    return {};
  }
  if (::rename(temporary.path(), target.c_str()) != 0) return unwritable(errno);
  temporary.keep();
  return {};
}

}  // namespace readygate::cli
