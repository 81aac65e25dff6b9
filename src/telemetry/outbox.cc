#include "telemetry/outbox.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/duration.h"

namespace readygate::telemetry {
namespace {

constexpr std::size_t kMostMessages = 64;
constexpr Millis kFirstPause{500};
constexpr Millis kLongestPause{30'000};

}  // namespace

Outbox::Outbox(std::string name, Millis give_up_after, Random& random)
    : name_(std::move(name)), give_up_after_(give_up_after), random_(random), backoff_(kFirstPause, kLongestPause) {}

void Outbox::add(std::string body, Instant now) {
  if (messages_.size() >= kMostMessages) {
    // The first may be under way; what becomes of it is still heard.
    messages_.erase(messages_.begin() + (sent_ ? 1 : 0));
    give_up("too many wait to be sent");
  }
  messages_.push_back({std::move(body), now});
}

std::optional<std::string> Outbox::next(Instant now) {
  if (sent_ || messages_.empty() || now < not_before_) return std::nullopt;
  sent_ = true;
  return messages_.front().body;
}

void Outbox::answered(const http::Answer& answer, Instant now) {
  if (!std::exchange(sent_, false)) return;
  if (http::success(answer.status)) {
    messages_.pop_front();
    backoff_.reset();
    not_before_ = now;
    if (std::exchange(complained_, false))
      words_.push_back({LogLevel::kInfo, fmt::format("{}: it arrives again", name_)});
    return;
  }
  const bool too_old = now - messages_.front().added >= give_up_after_;
  if (too_old || !http::transient(answer.status)) {
    messages_.pop_front();
    give_up(too_old ? fmt::format("it has not arrived for {}; the last answer: {}", format_duration(give_up_after_),
                                  answer.why)
                    : answer.why);
  }
  not_before_ = now + std::max(backoff_.next(random_), answer.retry_after.value_or(Millis(0)));
}

// Said once, until something arrives.
void Outbox::give_up(const std::string& why) {
  if (std::exchange(complained_, true)) return;
  words_.push_back({LogLevel::kWarn, fmt::format("{}: a message is given up: {}", name_, why)});
}

std::optional<Instant> Outbox::next_tick() const {
  if (sent_ || messages_.empty()) return std::nullopt;
  return not_before_;
}

}  // namespace readygate::telemetry
