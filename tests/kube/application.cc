// The service that the node's tests run behind a gate: HTTP on port 8080, one thread a connection.
//
//   /health, /alive   200
//   /facts            JSON: when the process started and answered first, what APP_VERSION is
//   /slow             200 after two seconds, so that a test can end it with a request at work
//
// As `application copy FROM TO` it is what an image without cp has for it, where the schema is in the image.
//
// SIGTERM: it accepts no more, ends what it works on, and exits with 0. A test tells from its answers,
// and from nothing that it says of itself, whether a gate opened too early.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>

namespace {

constexpr std::uint16_t kPort = 8080;
constexpr auto kSlow = std::chrono::seconds(2);
std::atomic<int> at_work = 0;
std::atomic<long long> first_request = 0;  // ms since 1970; 0: none yet

long long now() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

const long long started = now();

std::string facts() {
  const char* version = std::getenv("APP_VERSION");
  return "{\"version\":\"" + std::string(version != nullptr ? version : "") +
         "\",\"started\":" + std::to_string(started) + ",\"first_request\":" + std::to_string(first_request) + "}";
}

void serve(int connection) {
  std::string request;
  char piece[2048];
  while (request.find("\r\n\r\n") == std::string::npos && request.size() < 16384) {
    const ssize_t got = recv(connection, piece, sizeof piece, 0);
    if (got <= 0) {
      break;
    }
    request.append(piece, static_cast<std::size_t>(got));
  }
  long long none = 0;
  first_request.compare_exchange_strong(none, now());
  const std::string path = request.substr(0, request.find(' ', 4));
  std::string status = "200 OK";
  std::string body = "ok";
  if (path == "GET /facts") {
    body = facts();
  } else if (path == "GET /slow") {
    std::this_thread::sleep_for(kSlow);
  } else if (path != "GET /health" && path != "GET /alive") {
    status = body = "404 Not Found";
  }
  const std::string answer = "HTTP/1.1 " + status +
                             "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
                             "\r\nConnection: close\r\n\r\n" + body;
  (void)send(connection, answer.data(), answer.size(), MSG_NOSIGNAL);
  close(connection);
  --at_work;
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 4 && std::string_view(arguments[1]) == "copy") {
    std::filesystem::copy(arguments[2], arguments[3], std::filesystem::copy_options::recursive);
    return 0;
  }
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int yes = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(kPort);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(listener, 128) != 0) {
    std::perror("application: port 8080");
    return 1;
  }
  std::printf("application: serving\n");
  std::fflush(stdout);
  std::thread([listener] {
    while (true) {
      const int connection = accept(listener, nullptr, nullptr);
      if (connection < 0) {
        return;
      }
      ++at_work;
      std::thread(serve, connection).detach();
    }
  }).detach();
  int signal = 0;
  sigwait(&ends, &signal);
  shutdown(listener, SHUT_RDWR);
  while (at_work > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::printf("application: ended\n");
  std::fflush(stdout);
  _exit(0);
}
