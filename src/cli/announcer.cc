#include "cli/announcer.h"

#include <utility>

namespace readygate::cli {
namespace {

// The defaults of OpenTelemetry's exporters: 10 s, and about five minutes in all.
constexpr Millis kOtlpTimeout{10'000};
constexpr Millis kOtlpGivesUpAfter{300'000};

}  // namespace

Announcer::Announcer(GateHost& host, const config::Settings& settings, const std::string& version,
                     std::string_view notify_socket)
    : host_(host),
      server_{settings.kubernetes.url, settings.kubernetes.token_file, settings.kubernetes.ca_file},
      reporter_({settings.kubernetes.condition,
                 settings.kubernetes.events,
                 {settings.kubernetes.namespace_name, settings.kubernetes.pod, settings.kubernetes.uid}},
                random_, host.now().wall),
      workers_(1, "readygate/" + version),
      manager_(host, notify_socket),
      changes_(random_),
      trace_(settings.otlp.service_name, version, random_) {
  const std::string user_agent = "readygate/" + version;
  const config::Settings::Webhook& hook = settings.webhook;
  if (!hook.url.empty()) {
    webhook_.emplace(host_,
                     Receiver{"Webhook", hook.url, hook.headers_file, hook.ca_file, hook.timeout, hook.give_up_after},
                     user_agent);
  }
  const config::Settings::Otlp& otlp = settings.otlp;
  if (!otlp.url.empty()) {
    collector_.emplace(
        host_, Receiver{"OTLP", Secret(otlp.url), otlp.headers_file, otlp.ca_file, kOtlpTimeout, kOtlpGivesUpAfter},
        user_agent);
  }
  turn();
}

void Announcer::observe(const core::Snapshot& snapshot) {
  manager_.observe(snapshot);
  reporter_.observe(snapshot, host_.now());
  turn();
  if (webhook_) {
    for (std::string& body : changes_.observe(snapshot, host_.now().wall)) webhook_->send(std::move(body));
  }
  if (collector_) {
    if (auto body = trace_.observe(snapshot, host_.now().wall)) collector_->send(std::move(*body));
  }
}

void Announcer::started(core::TaskId id, const core::Work& work) {
  if (collector_) trace_.started(id, work, host_.gate().snapshot().state, host_.now().wall);
}

void Announcer::finished(core::TaskId id, const core::Outcome& outcome) {
  if (collector_) trace_.finished(id, outcome, host_.now().wall);
}

void Announcer::turn() {
  if (auto call = reporter_.next(host_.now())) send(std::move(*call));
  for (const kube::Reporter::Word& word : reporter_.take_words()) host_.say(word.level, word.message);
  const auto next = reporter_.next_tick();
  next_ = next ? host_.loop().at(*next, [this] { turn(); }) : server::Timer();
}

void Announcer::send(kube::Call call) {
  const auto answered = [this](kube::Answer answer) {
    host_.loop().post([this, result = std::move(answer)] {
      reporter_.answered(result, host_.now());
      turn();
    });
  };
  const bool started = workers_.start([server = server_, request = std::move(call), answered](http::Client& client) {
    answered(kube::carry_out(server, request, client));
  });
  if (!started) answered({0, {}, "the system refuses a new thread"});
}

}  // namespace readygate::cli
