#include "cli/gate_client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace readygate::cli {
namespace {

constexpr std::size_t kMostBytes = 1024 * 1024;

tl::unexpected<Error> unreachable(const std::string& path, std::string_view why) {
  return fail(Reason::kGateUnreachable, fmt::format("no answer from the gate at {}: {}", path, why), Retry::kSoon);
}

std::string_view why_not_connected(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR: return "the socket does not exist (is `readygate run` started, and the folder mounted?)";
    case ECONNREFUSED: return "nobody listens on the socket";
    case EACCES:
    case EPERM: return "this user may not connect (see gate.socket_mode and gate.socket_group)";
    case EAGAIN: return "too many clients connect at once";
    default: return std::strerror(error);
  }
}

bool find(const schema::Document& json, const char* path, bson_iter_t& found) {
  bson_iter_t top;
  return bson_iter_init(&top, json.get()) && bson_iter_find_descendant(&top, path, &found);
}

}  // namespace

Result<UniqueFd> connect_gate(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return fail(
        Reason::kSocketPath,
        fmt::format("\"{}\" cannot be a socket's path: it has {} bytes, and 1 to 107 are allowed", path, path.size()));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return unreachable(path, std::strerror(errno));
  const void* bytes = &address;
  if (::connect(fd.get(), static_cast<const sockaddr*>(bytes), sizeof address) != 0) {
    return unreachable(path, why_not_connected(errno));
  }
  return fd;
}

Result<std::string> ask_gate(const std::string& path, std::string_view request, Millis limit, const Clock& clock) {
  const Instant deadline = clock.now() + limit;
  Result<UniqueFd> fd = connect_gate(path);
  if (!fd) return tl::unexpected<Error>(fd.error());
  // A request is far smaller than a new socket's buffer, so it goes at once or never.
  if (::send(fd->get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    return unreachable(path, "the daemon closed the connection");
  }
  std::string answer;
  std::array<char, 16384> buffer;
  for (;;) {
    const Millis left = millis(deadline - clock.now());
    pollfd wait{fd->get(), POLLIN, 0};
    const int ready = left > Millis(0) ? ::poll(&wait, 1, static_cast<int>(left.count())) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return unreachable(path, fmt::format("the daemon did not answer within {} ms", limit.count()));
    const ssize_t got = ::recv(fd->get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return unreachable(path, std::strerror(errno));
    if (got == 0) return answer;
    answer.append(buffer.data(), static_cast<std::size_t>(got));
    if (answer.size() > kMostBytes) return unreachable(path, "the answer is too long to be that of a gate");
  }
}

Result<schema::Document> ask_status(const std::string& path, Millis limit, const Clock& clock) {
  Result<std::string> answer = ask_gate(path, "STATUS\n", limit, clock);
  if (!answer) return tl::unexpected<Error>(answer.error());
  Result<schema::Document> json = schema::Document::from_json(*answer);
  if (!json || !text_at(*json, "state")) return unreachable(path, "what answers there is not a gate");
  return json;
}

std::optional<std::string> text_at(const schema::Document& json, const char* path) {
  bson_iter_t found;
  if (!find(json, path, found) || !BSON_ITER_HOLDS_UTF8(&found)) return std::nullopt;
  std::uint32_t length = 0;
  const char* text = bson_iter_utf8(&found, &length);
  return std::string(text, length);
}

std::optional<bool> flag_at(const schema::Document& json, const char* path) {
  bson_iter_t found;
  if (!find(json, path, found) || !BSON_ITER_HOLDS_BOOL(&found)) return std::nullopt;
  return bson_iter_bool(&found);
}

std::optional<std::int64_t> number_at(const schema::Document& json, const char* path) {
  bson_iter_t found;
  if (!find(json, path, found) || !BSON_ITER_HOLDS_NUMBER(&found)) return std::nullopt;
  return bson_iter_as_int64(&found);
}

}  // namespace readygate::cli
