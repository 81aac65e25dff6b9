// The folder in which the gate's socket and its state page lie, and how a file is born in it: made under a random name,
// given its group and mode, renamed into place when it is whole; and unlinked at the end only if it is still the same.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/error.h"
#include "base/unique_fd.h"

namespace readygate::server {

// Which file a name stands for.
struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileId&) const = default;
};

class SocketFolder {
 public:
  // `socket_path`: the final name of the socket. Fails with kSocketPath when it names no file, or its folder cannot be
  // opened.
  static Result<SocketFolder> open(const std::string& socket_path);

  int fd() const { return fd_.get(); }  // O_PATH
  const std::string& path() const { return path_; }

  // A fresh random name in this folder, without the folder: short whatever the socket's own name is, and different from
  // those of another socket here.
  std::string temporary_name() const;
  std::string full(std::string_view name) const { return path_ + "/" + std::string(name); }
  // What a daemon killed in the middle of its birth left behind. Only under the lock: then nobody is being born.
  void remove_temporaries() const;

  // Sets group and mode of `file`, which will be called `name`. `group` -1: the folder's. "" or, where the folder's
  // group could not be given, a sentence for the log. Fails with kSocketPath.
  Result<std::string> own(const std::string& file, const std::string& name, mode_t mode, std::int64_t group) const;

 private:
  UniqueFd fd_;
  std::string path_;   // "." for a bare name
  std::string start_;  // of temporary names
};

// None where there is no such file: its inode is 0.
FileId id_of(const std::string& file);
void unlink_if(const std::string& file, const FileId& ours);

tl::unexpected<Error> socket_failure(const std::string& path, std::string_view what);

}  // namespace readygate::server
