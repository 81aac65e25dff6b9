#include <doctest/doctest.h>

#include "server/line_parser.h"

using namespace readygate;
using namespace readygate::server;
using Outcome = LineParse::Outcome;

TEST_CASE("lines that are understood") {
  CHECK(parse_line("STATUS\n").outcome == Outcome::kStatus);
  CHECK(parse_line("WATCH\n").outcome == Outcome::kWatch);
  CHECK(parse_line("STATUS\nmore").outcome == Outcome::kStatus);

  const LineParse plain = parse_line("WAIT ready\n");
  REQUIRE(plain.outcome == Outcome::kWait);
  CHECK(plain.wait.fact == core::Fact::kReady);
  CHECK(!plain.wait.timeout.has_value());
  CHECK(!plain.wait.fail_fast);

  const LineParse full = parse_line("WAIT initialized 250ms fail-fast\n");
  REQUIRE(full.outcome == Outcome::kWait);
  CHECK(full.wait.fact == core::Fact::kInitialized);
  CHECK(full.wait.timeout == Millis(250));
  CHECK(full.wait.fail_fast);

  CHECK(parse_line("WAIT open fail-fast\n").wait.fail_fast);
  CHECK(!parse_line("WAIT open 0s\n").wait.timeout.has_value());
}

TEST_CASE("lines that are refused") {
  for (const char* line : {"\n", "status\n", "STATUS \n", " STATUS\n", "STATUS\r\n", "WAIT\n", "WAIT \n",
                           "WAIT  open\n", "WAIT open \n", "WAIT closed\n", "WAIT live\n", "WAIT open 60\n",
                           "WAIT open 60s 60s\n", "WAIT open fail-fast 60s\n", "WAIT open fail-fast fail-fast\n",
                           "WAIT open -1s\n", "WAIT open 9999h\n", "WATCH open\n", "PUT /livez HTTP/1.1\r\n"}) {
    CAPTURE(line);
    CHECK(parse_line(line).outcome == Outcome::kRefused);
  }
  CHECK(parse_line(std::string(256, 'a')).outcome == Outcome::kRefused);
}

TEST_CASE("an unfinished line waits for more") {
  for (const char* line : {"", "W", "WAIT open", "nonsense so far"}) {
    CHECK(parse_line(line).outcome == Outcome::kNeedMore);
  }
}

TEST_CASE("HTTP and lines are told apart by how they begin") {
  CHECK(dialect_of("") == Dialect::kUnknown);
  CHECK(dialect_of("G") == Dialect::kUnknown);
  CHECK(dialect_of("POST") == Dialect::kUnknown);
  CHECK(dialect_of("GET ") == Dialect::kHttp);
  CHECK(dialect_of("POST /v1/retry") == Dialect::kHttp);
  CHECK(dialect_of("HEAD /") == Dialect::kHttp);
  CHECK(dialect_of("GETX") == Dialect::kLine);
  CHECK(dialect_of("S") == Dialect::kLine);
  CHECK(dialect_of("WAIT open\n") == Dialect::kLine);
}
