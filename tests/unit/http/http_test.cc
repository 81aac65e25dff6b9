// The HTTP client against a server of a few lines, on loopback: what it sends, what it takes, and what it refuses.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sync.h"
#include "base/unique_fd.h"
#include "http/client.h"
#include "http/header_file.h"
#include "http/workers.h"

using namespace readygate;
using namespace readygate::http;

namespace {

// Answers one connection with `answer`, or holds it open without a word when that is "".
class Server {
 public:
  explicit Server(std::string answer) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets' interface
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listener_.get(), generic, sizeof address) == 0);
    REQUIRE(::listen(listener_.get(), 8) == 0);
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(listener_.get(), generic, &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, text = std::move(answer)] { serve(text); });
  }
  ~Server() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    ::shutdown(*connection_.lock(), SHUT_RDWR);
    thread_.join();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string url(const std::string& path = "/") const { return "http://" + address() + path; }
  std::string request() { return *request_.lock(); }  // as far as it was read

 private:
  void serve(const std::string& answer) {
    const UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) return;
    *connection_.lock() = fd.get();
    char buffer[4096];
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n > 0) request_.lock()->assign(buffer, static_cast<std::size_t>(n));
    if (!answer.empty()) {
      (void)::send(fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL);  // who timed out is gone
      return;
    }
    while (::read(fd.get(), buffer, sizeof buffer) > 0) {
    }
  }

  UniqueFd listener_;
  int port_ = 0;
  Sync<int> connection_{-1};
  Sync<std::string> request_;
  std::thread thread_;  // the last: it uses the others
};

Request get(const std::string& url) {
  Request request;
  request.url = url;
  request.timeout = Seconds(10);
  return request;
}

Result<Response> send(const Request& request) {
  REQUIRE(start());
  Client client("readygate/test");
  return client.send(request);
}

}  // namespace

TEST_CASE("an answer of any status is an answer, with its Retry-After") {
  Server server("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno");
  const auto response = send(get(server.url("/x?y=1")));
  REQUIRE(response);
  CHECK(response->status == 429);
  CHECK(response->body == "no");
  CHECK(response->retry_after == Millis(7'000));
  CHECK(server.request().starts_with("GET /x?y=1 HTTP/1.1\r\n"));
  CHECK(server.request().find("User-Agent: readygate/test\r\n") != std::string::npos);
}

TEST_CASE("a longer body is cut, not refused") {
  Server server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789");
  Request request = get(server.url());
  request.most_body = 4;
  const auto response = send(request);
  REQUIRE(response);
  CHECK(response->status == 200);
  CHECK(response->body == "0123");
}

TEST_CASE("method, headers and body are sent as they are") {
  Server server("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
  Request request = get(server.url("/events"));
  request.method = "PATCH";
  request.content_type = "application/json";
  request.headers.push_back({"Authorization", Secret("Bearer s3cret")});
  request.body = R"({"a":1})";
  REQUIRE(send(request));
  const std::string seen = server.request();
  CHECK(seen.starts_with("PATCH /events HTTP/1.1\r\n"));
  CHECK(seen.find("Authorization: Bearer s3cret\r\n") != std::string::npos);
  CHECK(seen.find("Content-Type: application/json\r\n") != std::string::npos);
  CHECK(seen.find("Content-Length: 7\r\n") != std::string::npos);
  CHECK(seen.find("Expect:") == std::string::npos);
}

TEST_CASE("a redirect is an answer and is not followed") {
  Server server("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
  const auto response = send(get(server.url()));
  REQUIRE(response);
  CHECK(response->status == 302);
}

TEST_CASE("no proxy of the environment is used") {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  Server server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  CHECK(send(get(server.url())));
  ::unsetenv("http_proxy");
}

TEST_CASE("what fails says which kind, names the origin, and never the rest of the URL") {
  Server silent("");
  Request slow = get(silent.url("/secret-path?token=s3cret"));
  slow.timeout = Millis(50);
  const auto timed_out = send(slow);
  REQUIRE_FALSE(timed_out);
  CHECK(timed_out.error().reason == Reason::kTimeout);
  CHECK(timed_out.error().message.starts_with(silent.url("") + ": "));
  CHECK(timed_out.error().message.find("secret") == std::string::npos);

  const auto refused = send(get("http://127.0.0.1:1/secret-path"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().reason == Reason::kConnectionRefused);
  CHECK(refused.error().message.find("secret") == std::string::npos);

  Server nonsense("hello\r\n");
  const auto broken = send(get(nonsense.url()));
  REQUIRE_FALSE(broken);
  CHECK(broken.error().reason == Reason::kNetwork);

  CHECK_FALSE(send(get("file:///etc/passwd")));
}

TEST_CASE("connect only opens a connection") {
  REQUIRE(start());
  Client client("readygate/test");
  Server server("never sent");
  CHECK(client.connect(server.address(), Seconds(10)));
  const auto refused = client.connect("127.0.0.1:1", Seconds(10));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().reason == Reason::kConnectionRefused);
}

TEST_CASE("a failure has the same sentence every time: it does not say after how many milliseconds") {
  REQUIRE(start());
  Client client("readygate/test");
  Request request = get("http://127.0.0.1:1/");
  const auto refused = client.send(request);
  REQUIRE_FALSE(refused);
  CAPTURE(refused.error().message);
  CHECK(refused.error().message.find(" ms") == std::string::npos);
  Server silent("");
  request.url = silent.url();
  request.timeout = Millis(20);
  const auto late = client.send(request);
  REQUIRE_FALSE(late);
  CAPTURE(late.error().message);
  CHECK(late.error().reason == Reason::kTimeout);
  CHECK(late.error().message.find("milliseconds") == std::string::npos);
}

TEST_CASE("the origin of a URL is all that a log may say of it") {
  CHECK(origin_of("https://h:1/path?q=s3cret") == "https://h:1");
  CHECK(origin_of("https://user:s3cret@h/path") == "https://h");
  CHECK(origin_of("http://h?token=s3cret") == "http://h");
  CHECK(origin_of("127.0.0.1:80") == "127.0.0.1:80");
}

TEST_CASE("headers of a file") {
  const auto headers = parse_headers("# for the collector\n\nAuthorization: Bearer a:b \r\nX-Team:ops", "f");
  REQUIRE(headers);
  REQUIRE(headers->size() == 2);
  CHECK(headers->at(0).name == "Authorization");
  CHECK(headers->at(0).value.reveal() == "Bearer a:b");
  CHECK(headers->at(1).value.reveal() == "ops");
  for (const std::string_view wrong : {"s3cret", "a b: s3cret", ": s3cret",
                                       "X: s3\x01"
                                       "cret"}) {
    const auto refused = parse_headers("ok: 1\n" + std::string(wrong), "/etc/h");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.starts_with("/etc/h:2: "));
    CHECK(refused.error().message.find("s3") == std::string::npos);
  }
  CHECK(read_headers("")->empty());
  CHECK(read_headers("/nonexistent").error().reason == Reason::kFileUnreadable);
}

TEST_CASE("one job that hangs delays no other, and nobody waits for it at the end") {
  REQUIRE(start());
  Server silent("");
  // Shared: its worker may still be in set_value() when this ends.
  auto done = std::make_shared<std::promise<void>>();
  {
    Workers workers(2, "readygate/test");
    REQUIRE(workers.start([url = silent.url()](Client& client) { (void)client.send(get(url)); }));
    REQUIRE(workers.start([done](Client&) { done->set_value(); }));
    CHECK(done->get_future().wait_for(std::chrono::minutes(1)) == std::future_status::ready);
  }
}
