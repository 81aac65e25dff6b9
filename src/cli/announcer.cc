#include "cli/announcer.h"

#include <utility>

namespace readygate::cli {

Announcer::Announcer(GateHost& host, const config::Settings& settings, const std::string& user_agent)
    : host_(host),
      server_{settings.kubernetes.url, settings.kubernetes.token_file, settings.kubernetes.ca_file},
      reporter_({settings.kubernetes.condition,
                 settings.kubernetes.events,
                 {settings.kubernetes.namespace_name, settings.kubernetes.pod, settings.kubernetes.uid}},
                random_, host.now().wall),
      workers_(1, user_agent) {
  turn();
}

void Announcer::observe(const core::Snapshot& snapshot) {
  reporter_.observe(snapshot, host_.now());
  turn();
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
