#include "server/process.h"

#include <algorithm>

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace readygate::server {

std::uint64_t raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < limit.rlim_max) {
    const rlimit wanted{limit.rlim_max, limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &wanted) == 0) return wanted.rlim_cur;
  }
  return limit.rlim_cur;
}

std::optional<uid_t> peer_uid(int fd) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return std::nullopt;
  return peer.uid;
}

bool may_post(uid_t uid, std::span<const uid_t> allowed) {
  constexpr uid_t kOverflow = 65534;
  if (uid == kOverflow) return false;
  if (allowed.empty()) return uid == ::getuid() || uid == 0;
  return std::find(allowed.begin(), allowed.end(), uid) != allowed.end();
}

}  // namespace readygate::server
