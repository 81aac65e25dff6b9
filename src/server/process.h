// What the server asks of the kernel about processes: how many descriptors it may open, and who is at the other end.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include <sys/types.h>

namespace readygate::server {

// Raises RLIMIT_NOFILE to its hard limit: ten thousand waiters are ten thousand descriptors. Returns the limit in
// force. For the start of the process.
std::uint64_t raise_file_limit();

// The user at the other end of a Unix socket when it connected, in this process's user namespace. None: unknown.
std::optional<uid_t> peer_uid(int fd);

// May `uid` change what the gate does? An empty list: only this process's own user and root. 65534 never may: it is
// what the kernel says of a user that this namespace does not know.
bool may_post(uid_t uid, std::span<const uid_t> allowed);

}  // namespace readygate::server
