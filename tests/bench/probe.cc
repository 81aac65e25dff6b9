// How long a probe takes while something else goes on: one after the other, each on a connection of its own, as
// Kubernetes does it.
//
//   bench_probe PORT SECONDS    one JSON object; latencies in microseconds, from connect() to the whole answer. A
//                               probe without an answer within a second is `lost`
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common.h"

int main(int argc, char** argv) {
  using namespace readygate::bench;
  if (argc != 3) {
    fmt::print(stderr, "usage: bench_probe PORT SECONDS\n");
    return 64;
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(argv[1])));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const void* bytes = &address;
  // A client with an address of its own, as another one has it: who attacks may use up the ports of 127.0.0.1.
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
  const void* own_bytes = &own;
  const std::int64_t end = now_ns() + std::stoll(argv[2]) * 1'000'000'000;
  constexpr timeval kPatience{1, 0};
  take_precedence();
  std::vector<double> micros;
  std::size_t lost = 0;
  while (now_ns() < end) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    const int late = 1;
    ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof late);
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
    if (::bind(fd, static_cast<const sockaddr*>(own_bytes), sizeof own) != 0) die("bind");
    const std::int64_t begin = now_ns();
    if (::connect(fd, static_cast<const sockaddr*>(bytes), sizeof address) == 0 && probe(fd)) {
      micros.push_back(static_cast<double>(now_ns() - begin) / 1000);
    } else {
      std::perror("bench_probe: a probe was lost");
      ++lost;
    }
    ::close(fd);
    ::usleep(1000);
  }
  fmt::print("{{\"probes\":{},\"lost\":{},\"median\":{:.1f},\"p999\":{:.1f},\"slowest\":{:.1f}}}\n", micros.size(),
             lost, percentile(micros, 500), percentile(micros, 999), percentile(micros, 1000));
  return 0;
}
