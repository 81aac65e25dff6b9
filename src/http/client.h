// One HTTP request at a time, over libcurl. It blocks: for a worker, never for the loop.
//
// What it does not do, so that nobody is surprised: it follows no redirect (a token must not travel to where an answer
// points), uses no proxy (the variables http_proxy, https_proxy and all_proxy are for other programs: what readygate
// talks to is in the same pod, cluster or network), reads no .netrc, keeps no cookies, and speaks http and https alone.
// An answer's body is cut, not refused, when it is longer than asked for.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"

namespace readygate::http {

struct Header {
  std::string name;
  Secret value;  // never logged, whatever it is
};

struct Request {
  std::string method = "GET";
  std::string url;
  std::vector<Header> headers;
  std::string content_type;  // "": none
  std::string body;
  std::string ca_file;            // PEM; "": the system's
  Millis connect_timeout{2'000};  // name resolution and TLS included
  Millis timeout{5'000};          // of the whole request
  std::size_t most_body = 4'096;  // bytes of the answer that are kept; nothing more is read
};

struct Response {
  int status = 0;  // from 100 to 599
  std::string body;
  std::optional<Millis> retry_after;  // as the server asked, at most an hour
};

// Loads libcurl, as the first request would: for whoever wants to know at the start that it is there. Any thread. Fails
// with kInternal.
Result<void> start();

// "https://10.0.0.1:443" of a URL: what a log may say. Path and query may hold a secret, and so may what is before @.
std::string origin_of(std::string_view url);

// One libcurl handle, which keeps its connection for the next request. One thread at a time.
class Client {
 public:
  explicit Client(std::string user_agent);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // An answer of any status is a success here. Fails with kNameResolution, kConnectionRefused, kTls, kCaFile, kTimeout
  // or kNetwork; the message names the origin and nothing secret.
  Result<Response> send(const Request& request);

  // Only opens a TCP connection to "host:port", and closes it.
  Result<void> connect(const std::string& host_and_port, Millis timeout);

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
  const std::string user_agent_;
};

}  // namespace readygate::http
