#include "kube/api_client.h"

#include <utility>

#include <fmt/format.h>
#include <string.h>

#include "base/file.h"
#include "base/printable.h"

namespace readygate::kube {
namespace {

constexpr std::size_t kMostTokenBytes = 64U << 10U;
constexpr std::size_t kSaidBytes = 300;  // of an answer, in the log

Result<Secret> read_token(const std::string& file) {
  auto text = read_file(file, kMostTokenBytes);
  if (!text) return tl::unexpected(text.error());
  const auto first = text->find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return fail(Reason::kFileUnreadable, fmt::format("{} is empty", file));
  const auto last = text->find_last_not_of(" \t\r\n");
  Secret token("Bearer " + text->substr(first, last - first + 1));
  ::explicit_bzero(text->data(), text->size());
  return token;
}

}  // namespace

Answer carry_out(const ApiServer& server, const Call& call, http::Client& client) {
  auto token = read_token(server.token_file);
  if (!token) return {0, {}, token.error().message};
  http::Request request;
  request.method = call.method;
  request.url = server.url + call.path;
  request.headers.push_back({"Authorization", std::move(*token)});
  request.headers.push_back({"Accept", Secret("application/json")});
  request.content_type = call.content_type;
  request.body = call.body;
  request.ca_file = server.ca_file;
  auto response = client.send(request);
  if (!response) return {0, {}, response.error().message};
  // Of a refusal, the server's own words are what an operator needs; it never repeats the token.
  return {response->status, response->retry_after,
          fmt::format("{} answers {}: {}", http::origin_of(server.url), response->status,
                      printable(response->body.substr(0, kSaidBytes)))};
}

}  // namespace readygate::kube
