// The probe address: a listening TCP socket.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sys/socket.h>

#include "base/error.h"
#include "base/unique_fd.h"

namespace readygate::server {

struct ListenAddress {
  sockaddr_storage address{};
  socklen_t length = 0;
};

// "[::]:8088", "0.0.0.0:8088", ":8088" (as [::]); a numeric address, since a probe address that depends on name
// resolution would fail with it. Port 0 lets the kernel choose. Fails with kConfigInvalid.
Result<ListenAddress> parse_listen(std::string_view text);

struct TcpListener {
  UniqueFd fd;             // non-blocking, close-on-exec
  std::uint16_t port = 0;  // in use
  bool ipv4_only = false;  // [::] was asked for, and the machine has no IPv6
};

// [::] serves IPv4 too. Fails with kPortTaken, or with kConfigInvalid when the address cannot be used here.
Result<TcpListener> listen_tcp(const std::string& text);

}  // namespace readygate::server
