#include "server/line_parser.h"

#include "base/duration.h"

namespace readygate::server {
namespace {

LineParse refuse(std::string_view why) {
  LineParse result;
  result.outcome = LineParse::Outcome::kRefused;
  result.why = why;
  return result;
}

// Takes the first word off `line`. Two spaces in a row give an empty word, which no grammar has.
std::string_view take_word(std::string_view& line) {
  const std::size_t space = line.find(' ');
  const std::string_view word = line.substr(0, space);
  line = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
  return word;
}

LineParse parse_wait(std::string_view rest) {
  LineParse result;
  result.outcome = LineParse::Outcome::kWait;
  const std::optional<core::Fact> fact = core::fact_from(take_word(rest));
  if (!fact) return refuse("WAIT open|ready|initialized|healthy [TIMEOUT] [fail-fast]");
  result.wait.fact = *fact;
  bool timeout_seen = false;
  while (!rest.empty()) {
    const std::string_view word = take_word(rest);
    if (word == "fail-fast" && !result.wait.fail_fast) {
      result.wait.fail_fast = true;
    } else if (!timeout_seen && !result.wait.fail_fast && read_timeout(word, result.wait.timeout)) {
      timeout_seen = true;
    } else {
      return refuse("a timeout is a number and a unit, \"60s\", at most a week; then fail-fast, or nothing");
    }
  }
  return result;
}

}  // namespace

bool read_timeout(std::string_view text, std::optional<Millis>& timeout) {
  const std::optional<Millis> parsed = parse_duration(text);
  if (!parsed || *parsed > kLongestWait) return false;
  if (*parsed > Millis(0)) {
    timeout = parsed;
  } else {
    timeout.reset();
  }
  return true;
}

LineParse parse_line(std::string_view bytes) {
  const std::size_t lf = bytes.find('\n');
  if (lf == std::string_view::npos) return bytes.size() >= kLongestLine ? refuse("the line is too long") : LineParse{};
  if (lf >= kLongestLine) return refuse("the line is too long");
  const std::string_view line = bytes.substr(0, lf);
  LineParse result;
  if (line == "STATUS") {
    result.outcome = LineParse::Outcome::kStatus;
    return result;
  }
  if (line == "WATCH") {
    result.outcome = LineParse::Outcome::kWatch;
    return result;
  }
  constexpr std::string_view kWait = "WAIT ";
  if (line.substr(0, kWait.size()) == kWait && line.back() != ' ') return parse_wait(line.substr(kWait.size()));
  return refuse("a line is STATUS, WAIT or WATCH and ends in LF alone");
}

Dialect dialect_of(std::string_view bytes) {
  Dialect best = Dialect::kLine;
  for (const std::string_view start : {"GET ", "POST ", "HEAD "}) {
    const std::string_view seen = bytes.substr(0, start.size());
    if (seen == start) return Dialect::kHttp;
    if (seen == start.substr(0, seen.size())) best = Dialect::kUnknown;
  }
  return best;
}

}  // namespace readygate::server
