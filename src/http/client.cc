#include "http/client.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <string.h>

#include "http/curl.h"

namespace readygate::http {
namespace {

constexpr Seconds kLongestRetryAfter{3'600};

using Easy = std::unique_ptr<CURL, decltype(Curl::easy_cleanup)>;

// The request's headers as libcurl wants them; wiped at the end, since it has copies of its own.
class HeaderList {
 public:
  explicit HeaderList(const Curl& curl) : curl_(curl) {}
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  ~HeaderList() {
    for (curl_slist* item = first_; item != nullptr; item = item->next) {
      ::explicit_bzero(item->data, std::strlen(item->data));
    }
    curl_.slist_free_all(first_);
  }
  void add(std::string line) {
    if (curl_slist* longer = curl_.slist_append(first_, line.c_str())) first_ = longer;
    ::explicit_bzero(line.data(), line.size());
  }
  curl_slist* get() const { return first_; }

 private:
  const Curl& curl_;
  curl_slist* first_ = nullptr;
};

struct Body {
  std::string text;
  std::size_t most = 0;
  bool cut = false;
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* to) {
  auto& body = *static_cast<Body*>(to);
  const std::size_t room = body.most - body.text.size();
  body.text.append(data, std::min(room, size * count));
  if (size * count <= room) return size * count;
  body.cut = true;
  return 0;  // ends the transfer
}

Reason reason_of(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST: return Reason::kNameResolution;
    case CURLE_COULDNT_CONNECT: return Reason::kConnectionRefused;
    case CURLE_OPERATION_TIMEDOUT: return Reason::kTimeout;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM: return Reason::kTls;
    case CURLE_SSL_CACERT_BADFILE: return Reason::kCaFile;
    default: return Reason::kNetwork;
  }
}

// What holds for every transfer. `error` outlives it.
void prepare(const Curl& curl, CURL* easy, const std::string& url, Millis connect_timeout, Millis timeout,
             char* error) {
  curl.easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl.easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl.easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl.easy_setopt(easy, CURLOPT_PROXY, "");
  curl.easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl.easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl.easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl.easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);  // a rotated CA counts at the next connection, not in a day
  curl.easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::min(connect_timeout, timeout).count()));
  curl.easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  curl.easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
}

// libcurl says after how many milliseconds it failed. Without that, one cause has one sentence: what asks every second
// does not change its status every second.
std::string without_times(std::string words) {
  for (std::size_t at = 0; (at = words.find(" after ", at)) != std::string::npos;) {
    const std::size_t number = at + 7;
    const std::size_t unit = words.find_first_not_of("0123456789", number);
    const std::string_view rest = unit == std::string::npos ? "" : std::string_view(words).substr(unit);
    const std::size_t length = unit == number                          ? 0
                               : rest.substr(0, 13) == " milliseconds" ? 13
                               : rest.substr(0, 3) == " ms"            ? 3
                                                                       : 0;
    if (length == 0) {
      at = number;
    } else {
      words.erase(at, unit + length - at);
    }
  }
  return words;
}

// libcurl's own words name a host and a port, and never a header, a path or a query.
tl::unexpected<Error> failure(const Curl& curl, CURLcode code, const std::string& url, const char* words) {
  const std::string said = without_times(*words != '\0' ? words : curl.easy_strerror(code));
  return fail(reason_of(code), fmt::format("{}: {}", origin_of(url), said), Retry::kSoon);
}

}  // namespace

struct Client::Handle {
  Easy easy{nullptr, nullptr};
};

Result<void> start() {
  if (const auto library = libcurl(); !library) return tl::unexpected(library.error());
  return {};
}

std::string origin_of(std::string_view url) {
  const auto scheme_end = url.find("://");
  const std::size_t authority = scheme_end == std::string_view::npos ? 0 : scheme_end + 3;
  std::string_view host = url.substr(authority, url.find_first_of("/?#", authority) - authority);
  if (const auto at = host.rfind('@'); at != std::string_view::npos) host.remove_prefix(at + 1);
  return fmt::format("{}{}", url.substr(0, authority), host);
}

Client::Client(std::string user_agent) : handle_(std::make_unique<Handle>()), user_agent_(std::move(user_agent)) {}
Client::~Client() = default;

Result<Response> Client::send(const Request& request) {
  const auto library = libcurl();
  if (!library) return tl::unexpected(library.error());
  const Curl& curl = **library;
  if (!handle_->easy) handle_->easy = Easy(curl.easy_init(), curl.easy_cleanup);
  CURL* easy = handle_->easy.get();
  if (easy == nullptr) return fail(Reason::kInternal, "libcurl gives no handle: out of memory", Retry::kSoon);
  curl.easy_reset(easy);  // options only: the connection stays

  std::array<char, CURL_ERROR_SIZE> error{};
  prepare(curl, easy, request.url, request.connect_timeout, request.timeout, error.data());
  curl.easy_setopt(easy, CURLOPT_USERAGENT, user_agent_.c_str());
  curl.easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  HeaderList headers(curl);
  headers.add("Expect:");  // or a large body would wait a second for a 100
  if (!request.content_type.empty()) headers.add("Content-Type: " + request.content_type);
  for (const Header& header : request.headers) headers.add(header.name + ": " + header.value.reveal());
  curl.easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
  if (request.method != "GET") {
    curl.easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl.easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
  }
  if (!request.ca_file.empty()) curl.easy_setopt(easy, CURLOPT_CAINFO, request.ca_file.c_str());
  Body body{{}, request.most_body, false};
  curl.easy_setopt(easy, CURLOPT_WRITEFUNCTION, &take_body);
  curl.easy_setopt(easy, CURLOPT_WRITEDATA, &body);

  const CURLcode code = curl.easy_perform(easy);
  long status = 0;
  curl_off_t retry_after = 0;
  curl.easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  curl.easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
  curl.easy_reset(easy);  // nothing of ours is pointed to any more
  if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && body.cut)) {
    return failure(curl, code, request.url, error.data());
  }

  Response response{static_cast<int>(status), std::move(body.text), {}};
  if (retry_after > 0) response.retry_after = std::min(Seconds(retry_after), kLongestRetryAfter);
  return response;
}

Result<void> Client::connect(const std::string& host_and_port, Millis timeout) {
  const auto library = libcurl();
  if (!library) return tl::unexpected(library.error());
  const Curl& curl = **library;
  // Of its own: a connection that is only opened must not be kept.
  const Easy easy(curl.easy_init(), curl.easy_cleanup);
  if (!easy) return fail(Reason::kInternal, "libcurl gives no handle: out of memory", Retry::kSoon);
  std::array<char, CURL_ERROR_SIZE> error{};
  prepare(curl, easy.get(), "http://" + host_and_port, timeout, timeout, error.data());
  curl.easy_setopt(easy.get(), CURLOPT_CONNECT_ONLY, 1L);
  const CURLcode code = curl.easy_perform(easy.get());
  if (code != CURLE_OK) return failure(curl, code, host_and_port, error.data());
  return {};
}

}  // namespace readygate::http
