// A second look at a host that could not be reached. libmongoc says "Failed to connect to target host" for a refusal, a
// dropped packet and a missing route alike, and nothing useful when the server wants TLS and the URI does not; one
// connection of our own tells them apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "core/failure.h"
#include "mongo/tls_look.h"

namespace readygate::mongo {

struct Address {
  std::string host;  // a name, an IPv4 or IPv6 address, or the path of a UNIX socket
  std::uint16_t port = 27017;
  std::string shown() const;  // "[::1]:27017"
};

enum class Look {
  kConnect,     // resolve and connect
  kWhetherTls,  // and see whether a server that hangs up on plain text speaks TLS
  kHandshake,  // and make a TLS handshake as the URI wants it; where it fails, see whether the server speaks plain text
};

// Blocks for at most `limit` per address of the host and three times that for TLS, and for as long as the resolver
// likes. None: nothing wrong was found now.
std::optional<core::Failure> diagnose(const Address& address, Look look, const TlsOptions& tls, Millis limit);

}  // namespace readygate::mongo
