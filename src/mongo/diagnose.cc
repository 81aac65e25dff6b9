#include "mongo/diagnose.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/unique_fd.h"

namespace readygate::mongo {

namespace {

using core::Domain;
using core::Failure;

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Failure failure(Domain domain, std::string message) {
  return Failure{domain, 0, core::Doing::kConnect, std::move(message), {}};
}

// True when `fd` became ready before the limit.
bool wait_for(int fd, short events, Millis limit) {
  pollfd waiting{fd, events, 0};
  for (;;) {
    const int ready = ::poll(&waiting, 1, static_cast<int>(limit.count()));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

struct Attempt {
  UniqueFd socket;
  int error = 0;  // errno of the attempt
};

Attempt connect_to(int family, const sockaddr* address, socklen_t length, Millis limit) {
  Attempt attempt;
  attempt.socket.reset(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!attempt.socket) {
    attempt.error = errno;
  } else if (::connect(attempt.socket.get(), address, length) != 0) {
    attempt.error = errno;
    if (attempt.error == EINPROGRESS) {
      attempt.error = ETIMEDOUT;
      socklen_t size = sizeof attempt.error;
      if (wait_for(attempt.socket.get(), POLLOUT, limit)) {
        ::getsockopt(attempt.socket.get(), SOL_SOCKET, SO_ERROR, &attempt.error, &size);
      }
    }
  }
  return attempt;
}

// The smallest TLS 1.2 ClientHello (RFC 5246, 7.4.1.2) that every server answers, be it with an alert: eight cipher
// suites, null compression, no extension. Nothing of a conversation follows, so `random` may as well be zero.
std::array<unsigned char, 64> client_hello() {
  constexpr std::array<unsigned char, 11> kHead{0x16, 0x03, 0x01, 0, 59, 0x01, 0, 0, 55, 0x03, 0x03};
  constexpr std::array<unsigned char, 21> kTail{0,    0,    16,   0xc0, 0x2f, 0xc0, 0x30, 0xc0, 0x2b, 0xc0, 0x2c,
                                                0x00, 0x9c, 0x00, 0x9d, 0x00, 0x2f, 0x00, 0x35, 1,    0};
  std::array<unsigned char, 64> hello{};
  std::copy(kHead.begin(), kHead.end(), hello.begin());
  std::copy(kTail.begin(), kTail.end(), hello.end() - kTail.size());
  return hello;
}

// {hello: 1, $db: "admin"} as OP_MSG. Every server answers it, be it with an error, without a login.
constexpr std::array<unsigned char, 52> kHello{
    52,  0,   0,   0,   1,   0, 0, 0, 0, 0, 0,    0,   0xdd, 0x07, 0, 0, 0, 0, 0, 0,   0,   31,  0,   0,   0, 0x10,
    'h', 'e', 'l', 'l', 'o', 0, 1, 0, 0, 0, 0x02, '$', 'd',  'b',  0, 6, 0, 0, 0, 'a', 'd', 'm', 'i', 'n', 0, 0};

bool speaks_plain(int fd, Millis limit) {
  if (::send(fd, kHello.data(), kHello.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(kHello.size())) return false;
  std::array<unsigned char, 16> header{};
  if (!wait_for(fd, POLLIN, limit)) return false;
  if (::recv(fd, header.data(), header.size(), 0) != static_cast<ssize_t>(header.size())) return false;
  const int kind = header[12] | header[13] << 8;
  return header[8] == 1 && (kind == 2013 || kind == 1);  // an answer to 1: OP_MSG or OP_REPLY
}

bool speaks_tls(int fd) {
  const auto hello = client_hello();
  if (::send(fd, hello.data(), hello.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(hello.size())) return false;
  unsigned char answer[2] = {};
  if (!wait_for(fd, POLLIN, Millis(1000))) return false;
  // A record of type alert (21) or handshake (22), then the major version, which is 3 for all of TLS.
  return ::recv(fd, answer, sizeof answer, 0) == 2 && (answer[0] == 21 || answer[0] == 22) && answer[1] == 3;
}

TlsFacts facts_of(const Address& address) {
  TlsFacts facts;
  facts.server = address.shown();
  facts.name = address.host;
  return facts;
}

// A server that says nothing to a TLS handshake may be one that waits for the rest of a strange message, or has hung up
// on it: a second connection shows which.
std::optional<Failure> handshake(const Address& address, const addrinfo& where, int fd, const TlsOptions& tls,
                                 Millis limit) {
  const std::optional<TlsSeen> seen = look_at_tls(fd, address.host, address.shown(), tls, limit);
  if (!seen) return std::nullopt;
  if (seen->finding == TlsFinding::kSilent || seen->finding == TlsFinding::kClosed) {
    const Attempt again = connect_to(where.ai_family, where.ai_addr, where.ai_addrlen, limit);
    if (again.error == 0 && speaks_plain(again.socket.get(), limit)) {
      return tls_failure(TlsFinding::kPlainServer, facts_of(address));
    }
  }
  return tls_failure(seen->finding, seen->facts);
}

std::optional<Failure> what_is_wrong(const Address& address, const Attempt& attempt) {
  switch (attempt.error) {
    case 0: return std::nullopt;
    case ECONNREFUSED: return failure(Domain::kRefused, fmt::format("connection refused by {}", address.shown()));
    case ETIMEDOUT: return failure(Domain::kStreamTimeout, fmt::format("connecting to {} timed out", address.shown()));
    default:
      return failure(Domain::kStream,
                     fmt::format("connecting to {} failed: {}", address.shown(), std::strerror(attempt.error)));
  }
}

std::optional<Failure> diagnose_unix(const Address& address, Millis limit) {
  sockaddr_un unix_address{};
  unix_address.sun_family = AF_UNIX;
  if (address.host.size() >= sizeof unix_address.sun_path) {
    return failure(Domain::kStream, fmt::format("the socket path {} is longer than 107 bytes", address.host));
  }
  address.host.copy(unix_address.sun_path, sizeof unix_address.sun_path - 1);
  return what_is_wrong(address,
                       connect_to(AF_UNIX, static_cast<const sockaddr*>(static_cast<const void*>(&unix_address)),
                                  sizeof unix_address, limit));
}

}  // namespace

std::string Address::shown() const {
  if (!host.empty() && host[0] == '/') return host;
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

std::optional<Failure> diagnose(const Address& address, Look look, const TlsOptions& tls, Millis limit) {
  if (!address.host.empty() && address.host[0] == '/') return diagnose_unix(address, limit);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int code = ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list)) {
    const char* reason = code == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(code);
    return failure(Domain::kResolution, fmt::format("the host name {} does not resolve: {}", address.host, reason));
  }
  const Addresses addresses(list);
  std::optional<Failure> first;
  for (const addrinfo* each = addresses.get(); each; each = each->ai_next) {
    const Attempt attempt = connect_to(each->ai_family, each->ai_addr, each->ai_addrlen, limit);
    std::optional<Failure> wrong = what_is_wrong(address, attempt);
    if (attempt.error == 0) {
      const int fd = attempt.socket.get();
      if (look == Look::kHandshake) return handshake(address, *each, fd, tls, limit);
      const bool other = look == Look::kWhetherTls && speaks_tls(fd);
      return other ? std::optional(tls_failure(TlsFinding::kPlainUri, facts_of(address))) : std::nullopt;
    }
    if (!first) first = std::move(wrong);
  }
  return first;
}

}  // namespace readygate::mongo
