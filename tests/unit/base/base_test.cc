#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <set>
#include <string>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/duration.h"
#include "base/json.h"
#include "base/log.h"
#include "base/printable.h"
#include "base/random.h"
#include "base/reason.h"
#include "base/secret.h"
#include "base/suggest.h"
#include "base/unique_fd.h"

using namespace readygate;

namespace {

class FixedClock final : public Clock {
 public:
  Instant now() const override { return Instant{}; }
  WallTime wall() const override { return WallTime(Millis(1'795'446'245'678)); }
};

struct Pipe {
  Pipe() {
    int fds[2];
    REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
    read.reset(fds[0]);
    write.reset(fds[1]);
  }
  std::string take(std::size_t at_least) const {
    std::string all;
    std::array<char, 65536> buffer{};
    while (all.size() < at_least) {
      const ssize_t n = ::read(read.get(), buffer.data(), buffer.size());
      if (n <= 0) break;
      all.append(buffer.data(), static_cast<std::size_t>(n));
    }
    return all;
  }
  UniqueFd read, write;
};

}  // namespace

TEST_CASE("text is cut between characters, and only where it is longer") {
  CHECK(shortened("abc", 3) == "abc");
  CHECK(shortened("abcd", 3) == "abc…");
  CHECK(shortened("aä", 2) == "a…");  // not in the middle of the two bytes
  CHECK(shortened("aäb", 3) == "aä…");
  CHECK(shortened("ää", 1) == "…");
  CHECK(shortened("", 0).empty());
}

TEST_CASE("durations are a whole number and a unit") {
  CHECK(parse_duration("250ms") == Millis(250));
  CHECK(parse_duration("0s") == Millis(0));
  CHECK(parse_duration("30s") == Millis(30'000));
  CHECK(parse_duration("10m") == Millis(600'000));
  CHECK(parse_duration("10000h") == Millis(36'000'000'000));
  for (const char* bad :
       {"", "5", "s", "-1s", "+1s", "1.5s", " 1s", "1s ", "1 s", "1d", "10001h", "99999999999999999999s", "1S"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_duration(bad));
  }
}

TEST_CASE("a duration is formatted in the largest unit that is exact, and parses back") {
  CHECK(format_duration(Millis(90'000)) == "90s");
  CHECK(format_duration(Millis(120'000)) == "2m");
  CHECK(format_duration(Millis(7'200'000)) == "2h");
  CHECK(format_duration(Millis(1'500)) == "1500ms");
  CHECK(format_duration(Millis(0)) == "0s");
  for (const long ms : {1L, 999L, 1'000L, 60'000L, 61'000L, 3'600'000L, 3'660'000L}) {
    CHECK(parse_duration(format_duration(Millis(ms))) == Millis(ms));
  }
}

TEST_CASE("a near miss is suggested, a far one is not") {
  constexpr std::array<std::string_view, 4> kKnown = {"unready_after", "socket", "socket_mode", "listen"};
  CHECK(nearest("sokcet", kKnown) == "socket");
  CHECK(nearest("unreadyafter", kKnown) == "unready_after");
  CHECK(nearest("listn", kKnown) == "listen");
  CHECK(nearest("zebra", kKnown).empty());
  CHECK(nearest("", kKnown).empty());
  CHECK(nearest(std::string(10'000, 'x'), kKnown).empty());
  CHECK(did_you_mean("sokcet", kKnown) == " (did you mean \"socket\"?)");
}

TEST_CASE("JSON strings are valid whatever the bytes are") {
  CHECK(json_quote("a\"b\\c\n\t\x01\x7f") == R"("a\"b\\c\n\t\u0001\u007f")");
  CHECK(json_quote("grün €𝄞") == "\"grün €𝄞\"");
  CHECK(json_quote("\xff\xc0\xaf\xed\xa0\x80x") == R"("\ufffd\ufffd\ufffd\ufffd\ufffd\ufffdx")");
  CHECK(json_quote("\xe2\x82") == R"("\ufffd\ufffd")");
}

TEST_CASE("the JSON writer places commas and nothing else") {
  JsonWriter json;
  json.begin_object().field("a", 1).key("b").begin_array().value(true).null().value("x").begin_object().end_object();
  json.end_array().field("c", "y").end_object();
  CHECK(json.text() == R"({"a":1,"b":[true,null,"x",{}],"c":"y"})");
}

TEST_CASE("a wall time is RFC 3339 in UTC with milliseconds") {
  CHECK(rfc3339(WallTime(Millis(0))) == "1970-01-01T00:00:00.000Z");
  CHECK(rfc3339(FixedClock().wall()) == "2026-11-23T15:04:05.678Z");
}

TEST_CASE("every reason has a unique name, a meaning and advice") {
  std::set<std::string_view> names;
  for (const Reason reason : all_reasons()) {
    CAPTURE(name(reason));
    CHECK(names.insert(name(reason)).second);
    CHECK(name(reason).find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
    CHECK_FALSE(text(reason).meaning.empty());
    CHECK_FALSE(text(reason).advice.empty());
    CHECK(text(reason).meaning.back() != '.');
  }
}

TEST_CASE("a secret is wiped when it moves, and compared only by its own word") {
  Secret a("mongodb://u:p@h");
  const Secret b = a;
  CHECK(a.same_as(b));
  const Secret c = std::move(a);
  CHECK(a.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
  CHECK(c.reveal() == "mongodb://u:p@h");
}

TEST_CASE("ids are 32 hex digits and differ; jitter stays within a fifth") {
  SystemRandom random;
  const std::string id = random_id(random);
  CHECK(id.size() == 32);
  CHECK(id.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(id != random_id(random));
  for (int i = 0; i < 1'000; ++i) {
    const Millis d = jittered(random, Millis(1'000));
    CHECK(d >= Millis(800));
    CHECK(d <= Millis(1'200));
  }
  CHECK(random_up_to(random, Millis(0)) == Millis(0));
}

TEST_CASE("a log line is JSON with its context, and lesser levels are left out") {
  const Pipe pipe;
  const FixedClock clock;
  {
    QueuedLog log(pipe.write.get(), LogFormat::kJson, LogLevel::kInfo, clock);
    log.write(LogLevel::kDebug, {}, "not this", "");
    log.write(LogLevel::kWarn, {"connecting", 3, Millis(1'250)}, "say \"hi\"", "\"code\":\"timeout\"");
    log.flush(Millis(5'000));
  }
  const std::string expected =
      R"({"ts":"2026-11-23T15:04:05.678Z","level":"warn","state":"connecting","attempt":3,"elapsed_ms":1250,"msg":"say \"hi\"","code":"timeout"})"
      "\n";
  CHECK(pipe.take(expected.size()) == expected);
}

TEST_CASE("a log whose reader is stuck blocks nobody, and says how much it dropped") {
  const Pipe pipe;
  const FixedClock clock;
  const std::string long_line(1'000, 'x');
  QueuedLog log(pipe.write.get(), LogFormat::kJson, LogLevel::kInfo, clock);
  for (int i = 0; i < 5'000; ++i) log.write(LogLevel::kInfo, {}, long_line, "");  // a pipe holds 64 KiB
  CHECK(log.dropped() > 2'000);
  // It is said once or more often, as the writer gets to it; all of it is read, for nobody must write into a closed
  // pipe.
  std::string all;
  std::uint64_t said = 0;
  while (said < log.dropped()) {
    all += pipe.take(1);
    said = 0;
    for (std::size_t at = 0; (at = all.find("\"count\":", at)) != std::string::npos; at += 8) {
      const std::size_t end = all.find('}', at);
      if (end != std::string::npos) said += std::stoull(all.substr(at + 8, end - at - 8));
    }
  }
  CHECK(said == log.dropped());
  CHECK(all.find("log lines were dropped") != std::string::npos);
}
