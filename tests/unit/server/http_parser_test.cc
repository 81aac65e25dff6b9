#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "server/http_parser.h"

using namespace readygate::server;
using Outcome = HttpParse::Outcome;

namespace {

struct Malformed {
  std::string bytes;
  int status;
  const char* what;
};

const std::string kHost = "Host: x\r\n";

std::vector<Malformed> malformed() {
  const auto get = [](const std::string& headers) { return "GET /livez HTTP/1.1\r\n" + headers + "\r\n"; };
  std::string many;
  for (int i = 0; i < 65; ++i) many += "X-A: b\r\n";
  return {
      {"GET /livez\r\n\r\n", 400, "HTTP/0.9"},
      {"GET  /livez HTTP/1.1\r\n" + kHost + "\r\n", 400, "two spaces"},
      {"GET /a b HTTP/1.1\r\n" + kHost + "\r\n", 400, "a space in the target"},
      {"G@T /livez HTTP/1.1\r\n" + kHost + "\r\n", 400, "a method that is no token"},
      {" GET /livez HTTP/1.1\r\n" + kHost + "\r\n", 400, "a space first"},
      {"GET livez HTTP/1.1\r\n" + kHost + "\r\n", 400, "a target without a slash"},
      {"GET /livez#top HTTP/1.1\r\n" + kHost + "\r\n", 400, "a fragment"},
      {"GET http:///livez HTTP/1.1\r\n" + kHost + "\r\n", 400, "an absolute target without a host"},
      {"GET * HTTP/1.1\r\n" + kHost + "\r\n", 400, "an asterisk that is not of OPTIONS"},
      {"GET /livez HTTP/2.0\r\n" + kHost + "\r\n", 505, "HTTP/2 in the version"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "the preface of HTTP/2"},
      {"GET /livez http/1.1\r\n" + kHost + "\r\n", 400, "a version in small letters"},
      {"GET /livez HTTP/1.10\r\n" + kHost + "\r\n", 400, "a version of two digits"},
      {"BREW /pot HTTP/1.1\r\n" + kHost + "\r\n", 501, "an unknown method"},
      {"ABCDEFGHIJKLMNOPQRSTUVWXYZ", 501, "a method without end"},
      {std::string("\x16\x03\x01\x02\x00", 5), 400, "a TLS hello"},
      {"GET /livez HTTP/1.1\n" + kHost + "\r\n", 400, "a bare LF behind the request line"},
      {get("Host: x\nX: y\r\n"), 400, "a bare LF between headers"},
      {get("Host: x\rX: y\r\n"), 400, "a bare CR in a header"},
      {"GET /li\rvez HTTP/1.1\r\n" + kHost + "\r\n", 400, "a bare CR in the request line"},
      {get(kHost + " folded\r\n"), 400, "a folded line"},
      {get(kHost + "\tfolded\r\n"), 400, "a folded line, with a tab"},
      {get("Host : x\r\n"), 400, "a space before the colon"},
      {get(kHost + "no colon\r\n"), 400, "no colon"},
      {get(kHost + ": empty\r\n"), 400, "no name"},
      {get(kHost + "X-A: a\x01z\r\n"), 400, "a control character in a value"},
      {get(kHost + std::string("X-A: a\0z\r\n", 10)), 400, "a NUL in a value"},
      {get(""), 400, "no Host"},
      {get(kHost + kHost), 400, "two Hosts"},
      {get("Host: x y\r\n"), 400, "a space in Host"},
      {get(kHost + "Content-Length: 0\r\nContent-Length: 0\r\n"), 400, "two lengths"},
      {get(kHost + "Content-Length: +1\r\n"), 400, "a length with a sign"},
      {get(kHost + "Content-Length: 0x1\r\n"), 400, "a length in hex"},
      {get(kHost + "Content-Length: \r\n"), 400, "an empty length"},
      {get(kHost + "Content-Length: 99999999999999999999\r\n"), 400, "a length over 64 bits"},
      {get(kHost + "Content-Length: 5\r\n"), 413, "a body"},
      {get(kHost + "Transfer-Encoding: chunked\r\n"), 501, "a chunked body"},
      {get(kHost + "transfer-encoding: identity\r\nContent-Length: 0\r\n"), 501, "both kinds of length"},
      {get(kHost + "Expect: 100-continue\r\n"), 417, "an expectation"},
      {get(kHost + many), 431, "65 headers"},
      {get(kHost + "X-A: " + std::string(9000, 'a') + "\r\n"), 431, "long headers"},
      {"GET /" + std::string(3000, 'a') + " HTTP/1.1\r\n" + kHost + "\r\n", 414, "a long target"},
      {"\r\n\r\nGET /livez HTTP/1.1\r\n" + kHost + "\r\n", 400, "two empty lines first"},
  };
}

struct Good {
  std::string bytes;
  Method method;
  std::string path;
  std::string query;
  bool keep_alive;
};

const std::vector<Good> kGood = {
    {"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", Method::kGet, "/livez", "", true},
    {"\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n", Method::kGet, "/livez", "", true},
    {"HEAD /readyz?verbose&exclude=a HTTP/1.1\r\nhOsT:\t x \r\n\r\n", Method::kHead, "/readyz", "verbose&exclude=a",
     true},
    {"GET /livez HTTP/1.0\r\n\r\n", Method::kGet, "/livez", "", false},
    {"GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", Method::kGet, "/livez", "", false},
    {"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: foo, Close\r\n\r\n", Method::kGet, "/livez", "", false},
    {"GET http://gate:8088/livez?x HTTP/1.1\r\nHost: y\r\n\r\n", Method::kGet, "/livez", "x", true},
    {"GET HTTP://gate HTTP/1.1\r\nHost: gate\r\n\r\n", Method::kGet, "/", "", true},
    {"POST /v1/retry HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", Method::kPost, "/v1/retry", "", true},
    {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", Method::kOther, "*", "", true},
    {"DELETE /livez HTTP/1.1\r\nHost: \r\n\r\n", Method::kOther, "/livez", "", true},
    {"GET /livez HTTP/1.1\r\nHost: x\r\nX-Name: caf\xC3\xA9\r\n\r\n", Method::kGet, "/livez", "", true},
};

}  // namespace

TEST_CASE("good requests are read") {
  for (const Good& good : kGood) {
    CAPTURE(good.bytes);
    const std::string with_more = good.bytes + "GET /next";
    const HttpParse parsed = parse_http(with_more);
    REQUIRE(parsed.outcome == Outcome::kRequest);
    CHECK(parsed.consumed == good.bytes.size());
    CHECK(parsed.request.method == good.method);
    CHECK(parsed.request.path == good.path);
    CHECK(parsed.request.query == good.query);
    CHECK(parsed.request.keep_alive == good.keep_alive);
  }
}

TEST_CASE("malformed requests are refused, each with its status") {
  const std::vector<Malformed> all = malformed();
  CHECK(all.size() >= 20);
  for (const Malformed& bad : all) {
    CAPTURE(bad.what);
    const HttpParse parsed = parse_http(bad.bytes);
    CHECK(parsed.outcome == Outcome::kRefused);
    CHECK(parsed.status == bad.status);
    CHECK(!parsed.why.empty());
  }
}

TEST_CASE("how the bytes are cut into packets changes nothing") {
  std::vector<std::string> all;
  for (const Malformed& bad : malformed()) all.push_back(bad.bytes);
  for (const Good& good : kGood) all.push_back(good.bytes);
  for (const std::string& bytes : all) {
    CAPTURE(bytes);
    const HttpParse whole = parse_http(bytes);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      const HttpParse part = parse_http(std::string_view(bytes).substr(0, length));
      if (part.outcome == Outcome::kNeedMore) continue;
      // An earlier verdict is the same verdict. (A request that is followed by others ends before all bytes are there.)
      CHECK(part.outcome == whole.outcome);
      CHECK(part.status == whole.status);
      break;
    }
  }
}

TEST_CASE("a request line and headers of exactly the limit pass") {
  const HttpLimits limits{32, 32, 2};
  const std::string line = "GET /" + std::string(18, 'a') + " HTTP/1.1";  // 32 bytes
  REQUIRE(line.size() == 32);
  const std::string headers = "Host: 9012345678901234567890\r\n";  // 30 bytes and the empty line
  REQUIRE(headers.size() == 30);
  CHECK(parse_http(line + "\r\n" + headers + "\r\n", limits).outcome == Outcome::kRequest);
  CHECK(parse_http("GET /a" + line.substr(5) + "\r\n" + headers + "\r\n", limits).status == 414);
  CHECK(parse_http(line + "\r\nX" + headers + "\r\n", limits).status == 431);
}

TEST_CASE("query parameters") {
  std::string_view query = "a=1&&b&c=";
  QueryParameter one;
  REQUIRE(next_parameter(query, one));
  CHECK(one.name == "a");
  CHECK(one.value == "1");
  REQUIRE(next_parameter(query, one));
  CHECK(one.name == "b");
  CHECK(one.value == "");
  REQUIRE(next_parameter(query, one));
  CHECK(one.name == "c");
  CHECK(!next_parameter(query, one));
}
