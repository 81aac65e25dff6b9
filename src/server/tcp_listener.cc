#include "server/tcp_listener.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "server/server_limits.h"

namespace readygate::server {
namespace {

template <typename To>
To read_as(const sockaddr_storage& storage) {
  To result{};
  std::memcpy(&result, &storage, sizeof result);
  return result;
}

template <typename From>
ListenAddress store(const From& address) {
  ListenAddress result;
  std::memcpy(&result.address, &address, sizeof address);
  result.length = sizeof address;
  return result;
}

bool is_any_v6(const ListenAddress& address) {
  if (address.address.ss_family != AF_INET6) return false;
  const auto v6 = read_as<sockaddr_in6>(address.address);
  return std::memcmp(&v6.sin6_addr, &in6addr_any, sizeof in6addr_any) == 0;
}

ListenAddress any_v4(const ListenAddress& v6) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = read_as<sockaddr_in6>(v6.address).sin6_port;
  return store(v4);
}

// A listening socket, or an errno.
tl::expected<UniqueFd, int> try_listen(const ListenAddress& address) {
  UniqueFd fd(::socket(address.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return tl::unexpected<int>(errno);
  const int on = 1;
  const int off = 0;
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // Accepted sockets inherit it: an answer is one send, and waiting for its acknowledgement helps nobody.
  (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (address.address.ss_family == AF_INET6) {
    (void)::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  }
  const void* bytes = &address.address;
  if (::bind(fd.get(), static_cast<const sockaddr*>(bytes), address.length) != 0) return tl::unexpected<int>(errno);
  if (::listen(fd.get(), kBacklog) != 0) return tl::unexpected<int>(errno);
  return fd;
}

std::uint16_t port_of(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  void* bytes = &storage;
  if (::getsockname(fd, static_cast<sockaddr*>(bytes), &length) != 0) return 0;
  return ntohs(storage.ss_family == AF_INET6 ? read_as<sockaddr_in6>(storage).sin6_port
                                             : read_as<sockaddr_in>(storage).sin_port);
}

}  // namespace

Result<ListenAddress> parse_listen(std::string_view text) {
  const auto bad = [&] {
    return fail(Reason::kConfigInvalid,
                fmt::format("\"{}\" is not an address to listen on: write ADDRESS:PORT with a numeric address, such as "
                            "[::]:8088 or 127.0.0.1:8088",
                            text));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad();
  const std::string_view digits = text.substr(colon + 1);
  unsigned port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() || port > 65535) return bad();

  std::string host(text.substr(0, colon));
  if (host.empty()) host = "[::]";
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<std::uint16_t>(port));
    if (::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6.sin6_addr) != 1) return bad();
    return store(v6);
  }
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) != 1) return bad();
  return store(v4);
}

Result<TcpListener> listen_tcp(const std::string& text) {
  Result<ListenAddress> address = parse_listen(text);
  if (!address) return tl::unexpected<Error>(address.error());
  TcpListener result;
  tl::expected<UniqueFd, int> fd = try_listen(*address);
  if (!fd && is_any_v6(*address) && (fd.error() == EAFNOSUPPORT || fd.error() == EADDRNOTAVAIL)) {
    fd = try_listen(any_v4(*address));
    result.ipv4_only = true;
  }
  if (!fd && fd.error() == EADDRINUSE) {
    return fail(Reason::kPortTaken,
                fmt::format("cannot listen on {}: another process does; free the port, or set gate.listen", text));
  }
  if (!fd) {
    return fail(Reason::kConfigInvalid,
                fmt::format("cannot listen on {}: {}; correct gate.listen", text, std::strerror(fd.error())));
  }
  result.fd = std::move(*fd);
  result.port = port_of(result.fd.get());
  return result;
}

}  // namespace readygate::server
