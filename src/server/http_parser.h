// A strict HTTP/1.1 request parser, as a pure function of bytes: the same bytes give the same answer, whatever packets
// they came in. It keeps nothing; the caller keeps the bytes of an unfinished request and calls again with more.
//
// Strict means: what two programs could read in two ways is refused (RFC 9112; the ways are those of request
// smuggling): a bare CR or LF, folded lines, space before a colon, two Hosts, two lengths, any Transfer-Encoding. No
// route takes a body, so a request that announces one is refused instead of read.
#pragma once

#include <cstddef>
#include <string_view>

namespace readygate::server {

enum class Method { kGet, kHead, kPost, kOther };  // kOther: known to HTTP, served by no route

// Views into the bytes that were parsed.
struct HttpRequest {
  Method method = Method::kGet;
  std::string_view path;   // begins with '/'; of an absolute-form target, the part behind the authority
  std::string_view query;  // without the '?'
  bool http10 = false;
  bool keep_alive = true;  // HTTP/1.1 without `Connection: close`
};

struct HttpLimits {
  std::size_t request_line = 2048;  // bytes; longer: 414
  std::size_t headers = 8192;       // bytes behind the request line; more: 431
  std::size_t header_count = 64;    // more: 431
};

struct HttpParse {
  enum class Outcome { kNeedMore, kRequest, kRefused };
  Outcome outcome = Outcome::kNeedMore;
  std::size_t consumed = 0;  // kRequest: what follows belongs to the next request
  HttpRequest request;       // kRequest
  int status = 0;            // kRefused: 400, 413, 414, 417, 431, 501 or 505; the connection cannot be used any more
  std::string_view why;      // kRefused: a clause for the client's developer
};

HttpParse parse_http(std::string_view bytes, const HttpLimits& limits = {});

// One `name=value` of a query string, as it came: nothing is percent-decoded, since no name or value that a route knows
// needs it.
struct QueryParameter {
  std::string_view name;
  std::string_view value;  // "" for a name without '='
};
// Takes the first parameter off `query`. False when nothing is left.
bool next_parameter(std::string_view& query, QueryParameter& parameter);

}  // namespace readygate::server
