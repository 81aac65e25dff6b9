#include "cli/checker.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

namespace readygate::cli {

Checker::Checker(std::vector<config::Check> checks, const std::string& user_agent, Answer answer)
    : checks_(std::move(checks)),
      answer_(std::move(answer)),
      workers_(std::max(1, static_cast<int>(checks_.size())), user_agent) {}

void Checker::ask(std::size_t index) {
  const bool started = workers_.start([check = checks_[index], answer = answer_, index](http::Client& client) {
    answer(index, perform(check, client));
  });
  if (!started) answer_(index, tl::unexpected(std::string("the system refuses a new thread")));
}

core::CheckOutcome perform(const config::Check& check, http::Client& client) {
  switch (check.kind) {
    case config::CheckKind::kHttp: {
      http::Request request;
      request.url = check.target;
      request.connect_timeout = request.timeout = check.timeout;
      request.most_body = 0;
      const auto response = client.send(request);
      if (!response) return tl::unexpected(response.error().message);
      // As the kubelet judges a probe.
      if (response->status >= 200 && response->status < 400) return {};
      return tl::unexpected(fmt::format("{} answers {}", http::origin_of(check.target), response->status));
    }
    case config::CheckKind::kTcp: {
      const auto connected = client.connect(check.target, check.timeout);
      if (!connected) return tl::unexpected(connected.error().message);
      return {};
    }
    case config::CheckKind::kFile: {
      struct stat found {};
      if (::stat(check.target.c_str(), &found) == 0) return {};
      return tl::unexpected(fmt::format("{}: {}", check.target, std::strerror(errno)));
    }
  }
  return tl::unexpected(std::string("no such kind of check"));
}

}  // namespace readygate::cli
