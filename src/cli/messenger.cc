#include "cli/messenger.h"

#include <utility>

#include <fmt/format.h>

#include "http/header_file.h"

namespace readygate::cli {
namespace {

// Blocks, for a worker.
http::Answer post(const Receiver& receiver, std::string body, http::Client& client) {
  auto headers = http::read_headers(receiver.headers_file);
  if (!headers) return {0, {}, headers.error().message};
  http::Request request;
  request.method = "POST";
  request.url = receiver.url.reveal();
  request.headers = std::move(*headers);
  request.content_type = "application/json";
  request.body = std::move(body);
  request.ca_file = receiver.ca_file;
  request.timeout = receiver.timeout;
  request.most_body = 0;
  const auto response = client.send(request);
  if (!response) return {0, {}, response.error().message};
  return {response->status, response->retry_after,
          fmt::format("{} answers {}", http::origin_of(request.url), response->status)};
}

}  // namespace

Messenger::Messenger(GateHost& host, Receiver receiver, const std::string& user_agent)
    : host_(host),
      receiver_(std::move(receiver)),
      outbox_(receiver_.name, receiver_.give_up_after, random_),
      workers_(1, user_agent) {}

void Messenger::send(std::string body) {
  outbox_.add(std::move(body), host_.now().instant);
  turn();
}

void Messenger::turn() {
  if (auto body = outbox_.next(host_.now().instant)) {
    const auto answered = [this](http::Answer answer) {
      host_.loop().post([this, result = std::move(answer)] {
        outbox_.answered(result, host_.now().instant);
        turn();
      });
    };
    const bool started = workers_.start([receiver = receiver_, text = std::move(*body),
                                         answered](http::Client& client) { answered(post(receiver, text, client)); });
    if (!started) answered({0, {}, "the system refuses a new thread"});
  }
  for (const telemetry::Outbox::Word& word : outbox_.take_words()) host_.say(word.level, word.message);
  const auto next = outbox_.next_tick();
  next_ = next ? host_.loop().at(*next, [this] { turn(); }) : server::Timer();
}

}  // namespace readygate::cli
