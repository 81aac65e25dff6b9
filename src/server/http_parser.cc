#include "server/http_parser.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace readygate::server {
namespace {

constexpr std::size_t kLongestMethod = 16;

HttpParse refuse(int status, std::string_view why) {
  HttpParse result;
  result.outcome = HttpParse::Outcome::kRefused;
  result.status = status;
  result.why = why;
  return result;
}

// Character classes of RFC 9110, one table look-up each: this loop sees every byte of every probe.
enum : std::uint8_t { kToken = 1, kTarget = 2, kValue = 4 };
constexpr std::array<std::uint8_t, 256> kClasses = [] {
  std::array<std::uint8_t, 256> classes{};
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (alnum || std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos) {
      classes[c] |= kToken;
    }
    if (c > 0x20 && c < 0x7F) classes[c] |= kTarget;
    if (c == '\t' || (c >= 0x20 && c != 0x7F)) classes[c] |= kValue;  // obs-text included
  }
  return classes;
}();

bool all(std::string_view text, std::uint8_t wanted) {
  return std::all_of(text.begin(), text.end(),
                     [wanted](char c) { return (kClasses[static_cast<unsigned char>(c)] & wanted) != 0; });
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool equal_ignoring_case(std::string_view text, std::string_view lowered) {
  return text.size() == lowered.size() &&
         std::equal(text.begin(), text.end(), lowered.begin(), [](char a, char b) { return lower(a) == b; });
}

std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

struct Line {
  enum class Outcome { kLine, kNeedMore, kBareCr, kBareLf } outcome = Outcome::kNeedMore;
  std::string_view text;     // without its CRLF
  std::size_t consumed = 0;  // with it
};

// One line of `bytes`. A CR that is not before an LF, and an LF without a CR, are told apart from an unfinished line.
Line take_line(std::string_view bytes) {
  const std::size_t lf = bytes.find('\n');
  const std::string_view text = bytes.substr(0, lf);
  const std::size_t cr = text.find('\r');
  if (cr != std::string_view::npos && cr + 1 < text.size()) return {Line::Outcome::kBareCr, {}, 0};
  if (lf == std::string_view::npos) return {Line::Outcome::kNeedMore, text, 0};
  if (cr == std::string_view::npos) return {Line::Outcome::kBareLf, {}, 0};
  return {Line::Outcome::kLine, text.substr(0, cr), lf + 1};
}

std::optional<Method> method_of(std::string_view text) {
  if (text == "GET") return Method::kGet;
  if (text == "HEAD") return Method::kHead;
  if (text == "POST") return Method::kPost;
  for (const std::string_view other : {"PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"}) {
    if (text == other) return Method::kOther;
  }
  return std::nullopt;
}

// Splits the target into path and query. False: neither origin-form nor absolute-form.
bool read_target(std::string_view target, bool asterisk_allowed, HttpRequest& request) {
  constexpr std::string_view kScheme = "http://";
  if (target == "*" && asterisk_allowed) {
    request.path = target;
    return true;
  }
  if (target.size() > kScheme.size() && equal_ignoring_case(target.substr(0, kScheme.size()), kScheme)) {
    const std::string_view rest = target.substr(kScheme.size());
    const std::size_t end = rest.find_first_of("/?");
    if (end == 0) return false;
    target = end == std::string_view::npos ? std::string_view("/") : rest.substr(end);
    if (target.front() == '?') return false;  // no route is at an empty path
  }
  if (target.empty() || target.front() != '/' || target.find('#') != std::string_view::npos) return false;
  const std::size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  request.query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  return true;
}

// Nothing but what may stand in a request line, so far: a TLS hello or a binary protocol is refused at once.
bool may_become_request_line(std::string_view partial) {
  if (!partial.empty() && partial.back() == '\r') partial.remove_suffix(1);
  const std::size_t space = partial.find(' ');
  if (!all(partial.substr(0, space), kToken)) return false;
  return all(partial, kValue);
}

HttpParse read_request_line(std::string_view line, HttpRequest& request) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return refuse(400, "the request line is not METHOD TARGET VERSION");
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (method.empty() || !all(method, kToken)) return refuse(400, "the method is not a token");
  if (target.empty() || !all(target, kTarget)) return refuse(400, "the target holds a space or a control character");

  const bool version_shaped = version.size() == 8 && version.substr(0, 5) == "HTTP/" && version[5] >= '0' &&
                              version[5] <= '9' && version[6] == '.' && version[7] >= '0' && version[7] <= '9';
  if (!version_shaped) return refuse(400, "the version is not HTTP/1.1");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return refuse(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
  request.http10 = version == "HTTP/1.0";
  request.keep_alive = !request.http10;

  const std::optional<Method> known = method_of(method);
  if (!known) return refuse(501, "the method is not known");
  request.method = *known;
  if (!read_target(target, method == "OPTIONS", request)) return refuse(400, "the target does not begin with /");
  return {};
}

struct Headers {
  int hosts = 0;
  int lengths = 0;
};

HttpParse read_header(std::string_view line, HttpRequest& request, Headers& seen) {
  if (line.front() == ' ' || line.front() == '\t') return refuse(400, "folded header lines are not accepted");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return refuse(400, "a header line has no colon");
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim(line.substr(colon + 1));
  if (name.empty() || !all(name, kToken)) return refuse(400, "a header name is not a token");
  if (!all(value, kValue)) return refuse(400, "a header value holds a control character");

  if (equal_ignoring_case(name, "host")) {
    if (++seen.hosts > 1) return refuse(400, "there are two Host headers");
    if (!all(value, kTarget)) return refuse(400, "the Host header holds a space");
  } else if (equal_ignoring_case(name, "content-length")) {
    if (++seen.lengths > 1) return refuse(400, "there are two Content-Length headers");
    const bool digits = !value.empty() && value.size() <= 18 &&
                        std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits) return refuse(400, "Content-Length is not a number");
    if (value.find_first_not_of('0') != std::string_view::npos) return refuse(413, "no route takes a body");
  } else if (equal_ignoring_case(name, "transfer-encoding")) {
    return refuse(501, "no route takes a body, so no Transfer-Encoding is known");
  } else if (equal_ignoring_case(name, "expect")) {
    return refuse(417, "no route takes a body, so nothing can be expected");
  } else if (equal_ignoring_case(name, "connection")) {
    std::string_view rest = value;
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      if (equal_ignoring_case(trim(rest.substr(0, comma)), "close")) request.keep_alive = false;
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
  return {};
}

HttpParse refuse_line(Line::Outcome outcome) {
  return outcome == Line::Outcome::kBareCr ? refuse(400, "a CR without LF") : refuse(400, "lines end in CRLF");
}

}  // namespace

HttpParse parse_http(std::string_view bytes, const HttpLimits& limits) {
  std::size_t at = 0;
  if (bytes.substr(0, 2) == "\r\n") at = 2;  // RFC 9112, 2.2: one empty line before a request is ignored
  if (bytes == "\r") return {};

  HttpParse result;
  const Line first = take_line(bytes.substr(at, limits.request_line + 2));
  if (first.outcome == Line::Outcome::kBareCr || first.outcome == Line::Outcome::kBareLf)
    return refuse_line(first.outcome);
  if (first.outcome == Line::Outcome::kNeedMore) {
    if (!may_become_request_line(first.text)) return refuse(400, "this is not an HTTP request");
    if (first.text.size() > kLongestMethod && first.text.find(' ') == std::string_view::npos) {
      return refuse(501, "the method is not known");
    }
    if (bytes.size() - at >= limits.request_line + 2) return refuse(414, "the request line is too long");
    return {};
  }
  HttpRequest& request = result.request;
  if (HttpParse bad = read_request_line(first.text, request); bad.outcome == HttpParse::Outcome::kRefused) return bad;
  at += first.consumed;

  const std::size_t headers_begin = at;
  Headers seen;
  for (std::size_t count = 0;; ++count) {
    const std::size_t room = limits.headers - (at - headers_begin);
    const Line line = take_line(bytes.substr(at, room));
    if (line.outcome == Line::Outcome::kBareCr || line.outcome == Line::Outcome::kBareLf)
      return refuse_line(line.outcome);
    if (line.outcome == Line::Outcome::kNeedMore) {
      if (bytes.size() - at >= room) return refuse(431, "the headers are too long");
      return {};
    }
    at += line.consumed;
    if (line.text.empty()) break;
    if (count >= limits.header_count) return refuse(431, "there are too many headers");
    if (HttpParse bad = read_header(line.text, request, seen); bad.outcome == HttpParse::Outcome::kRefused) return bad;
  }
  if (seen.hosts == 0 && !request.http10) return refuse(400, "HTTP/1.1 needs a Host header");
  result.outcome = HttpParse::Outcome::kRequest;
  result.consumed = at;
  return result;
}

bool next_parameter(std::string_view& query, QueryParameter& parameter) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view one = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (one.empty()) continue;
    const std::size_t equals = one.find('=');
    parameter.name = one.substr(0, equals);
    parameter.value = equals == std::string_view::npos ? std::string_view() : one.substr(equals + 1);
    return true;
  }
  return false;
}

}  // namespace readygate::server
