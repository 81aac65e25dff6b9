// scripted-server [--host 127.0.0.1] [--port 0] [--set-name NAME] [--version 7.0.14] [--max-wire 21]
//
// A server that speaks the MongoDB protocol well enough for real drivers and misbehaves on command: for tests only.
// Its first line of output says where it listens; then it reads a JSON object a line from standard input and answers
// each with one. It ends when standard input does, so it cannot outlive the test that started it.
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include <poll.h>
#include <unistd.h>

#include "scripted_server/control.h"

namespace readygate::scripted {
namespace {

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  Deployment::Settings settings;
};

template <typename T>
bool parse_number(std::string_view text, T& out) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

bool parse_options(std::span<char*> arguments, Options& options) {
  if (arguments.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    const std::string_view name = arguments[i];
    const std::string_view value = arguments[i + 1];
    if (name == "--host") {
      options.host = value;
    } else if (name == "--set-name") {
      options.settings.set_name = value;
    } else if (name == "--version") {
      options.settings.version = value;
    } else if (name == "--port") {
      if (!parse_number(value, options.port)) return false;
    } else if (name == "--max-wire") {
      if (!parse_number(value, options.settings.max_wire)) return false;
    } else {
      return false;
    }
  }
  return true;
}

void say(const std::string& line) {
  std::fputs(line.c_str(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

/// Until standard input ends.
void run(Server& server, Sync<ServerState>& state) {
  std::string input;
  std::array<char, 65536> buffer;
  while (true) {
    std::array<pollfd, 2> watched = {{{STDIN_FILENO, POLLIN, 0}, {server.listener(), POLLIN, 0}}};
    if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) return;
    if ((watched[1].revents & POLLIN) != 0) server.accept();
    if (watched[0].revents == 0) continue;
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got <= 0) return;
    input.append(buffer.data(), static_cast<std::size_t>(got));
    for (auto end = input.find('\n'); end != std::string::npos; end = input.find('\n')) {
      say(obey(std::string_view(input).substr(0, end), server, state));
      input.erase(0, end + 1);
    }
  }
}

int start(std::span<char*> arguments) {
  Options options;
  if (!parse_options(arguments, options)) {
    std::fputs("usage: scripted-server [--host IP] [--port N] [--set-name NAME] [--version X.Y.Z] [--max-wire N]\n",
               stderr);
    return 64;
  }
  const auto kind =
      options.settings.set_name.empty() ? CatalogModel::Deployment::kStandalone : CatalogModel::Deployment::kReplicaSet;
  Sync<ServerState> state{ServerState(options.settings, kind)};
  Server server(options.host, options.port, state);
  if (!server.listen()) {
    std::fprintf(stderr, "scripted-server: cannot listen on %s: %s\n", options.host.c_str(), std::strerror(errno));
    return 1;
  }
  const std::string address = options.host + ":" + std::to_string(server.port());
  state.lock()->deployment.settings().address = address;
  say(Doc().add("listening", address).json());
  run(server, state);
  ::_exit(0);  // connection threads still use the state: nothing may be destroyed under them
}

}  // namespace
}  // namespace readygate::scripted

int main(int count, char** arguments) {
  return readygate::scripted::start(std::span(arguments, static_cast<std::size_t>(count)).subspan(1));
}
