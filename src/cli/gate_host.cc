#include "cli/gate_host.h"

#include <array>
#include <climits>
#include <utility>
#include <variant>
#include <vector>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "mongo/uri.h"

namespace readygate::cli {
namespace {

// In a pod, its name.
std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> host{};
  return ::gethostname(host.data(), host.size() - 1) == 0 ? host.data() : "";
}

core::GateSettings gate_settings(const config::Settings& s) {
  core::GateSettings g;
  g.ready_policy =
      s.gate.ready_policy == config::ReadyPolicy::kLive ? core::ReadyPolicy::kLive : core::ReadyPolicy::kLatched;
  g.unready_after = s.gate.unready_after;
  g.drain_delay = s.gate.drain_delay;
  g.init_timeout = s.init.timeout;
  g.failed_retry = s.init.failed_retry;
  g.auth_grace = s.init.auth_grace;
  g.backoff_initial = s.init.backoff_initial;
  g.backoff_max = s.init.backoff_max;
  g.ping_period = s.mongodb.ping_period;
  g.warm_connections = s.mongodb.warm_connections;
  g.init.mode = s.init.mode == config::InitMode::kApply ? core::InitMode::kApply : core::InitMode::kVerify;
  g.init.parallelism = s.mongodb.parallelism;
  g.init.stall_timeout = s.init.stall_timeout;
  g.init.lease = {s.lease.period, s.lease.margin};
  g.init.host = host_name();
  for (const config::Check& check : s.checks) {
    g.checks.push_back({check.name, check.period, check.timeout, check.success_threshold, check.failure_threshold});
  }
  return g;
}

mongo::Settings mongo_settings(const config::Settings& s) {
  mongo::Settings m;
  m.uri = s.mongodb.uri;
  m.warm_connections = s.mongodb.warm_connections;
  m.parallelism = core::Applier::tasks_at_once(s.mongodb.parallelism);
  m.connect_timeout = s.mongodb.connect_timeout;
  m.lease_period = s.lease.period;
  m.commit_quorum = s.init.commit_quorum;
  return m;
}

}  // namespace

GateHost::GateHost(config::Settings& settings, LogSink& log, std::shared_ptr<const SystemClock> clock)
    : settings_(settings), log_(log), clock_(std::move(clock)) {}

Result<void> GateHost::open() {
  auto loop = server::Loop::create(*clock_);
  if (!loop) return tl::unexpected(loop.error());
  loop_ = std::move(*loop);
  // Every failure of the driver comes back as the outcome of a task, and is told once per cause. Its own lines repeat
  // it.
  driver_ = mongo::Driver::start([this](LogLevel /*level*/, std::string_view message) {
    loop_->post([this, text = std::string(message)] { say(LogLevel::kDebug, text, R"("from":"mongo-c-driver")"); });
  });
  tls_files_ = mongo::tls_files(settings_.mongodb.uri);
  mongo::Hooks of_executor;
  of_executor.outcome = [this](core::TaskId id, core::Outcome outcome) {
    loop_->post([this, id, result = std::move(outcome)] {
      if (hooks_.finished) hooks_.finished(id, result);
      event([&] { gate_->finished(id, result, now()); });
    });
  };
  of_executor.topology = [this](core::TopologyChanged change) {
    loop_->post([this, changed = std::move(change)] { event([&] { gate_->topology(changed, now()); }); });
  };
  executor_.emplace(mongo_settings(settings_), driver_, clock_, std::move(of_executor));
  executor_->prepare();
  return {};
}

void GateHost::make_gate(const schema::Schema& schema, GateHooks hooks, core::TimeoutCovers init_timeout) {
  hooks_ = std::move(hooks);
  core::GateSettings settings = gate_settings(settings_);
  settings.init_timeout_covers = init_timeout;
  gate_.emplace(std::move(settings), schema, random_, now());
  executor_->serve({schema.database, schema.name});
}

void GateHost::event(const std::function<void()>& tell) {
  tell();
  std::vector<core::Command> commands = gate_->take_commands();
  for (const core::Command& command : commands) {
    if (const auto* words = std::get_if<core::Say>(&command)) {
      say(words->level, words->state, words->attempt, words->message, words->fields);
    }
  }
  hooks_.settled(gate_->snapshot());  // who waits is told before more is begun
  for (core::Command& command : commands) carry_out(command);
  const auto next = gate_->next_tick(clock_->now());
  tick_ = next ? loop_->at(*next, [this] { event([this] { gate_->tick(now()); }); }) : server::Timer();
}

void GateHost::carry_out(core::Command& command) {
  if (auto* task = std::get_if<core::StartTask>(&command)) {
    if (hooks_.started) hooks_.started(task->id, task->work);
    executor_->start(task->id, std::move(task->work));
  } else if (std::holds_alternative<core::FreshPool>(command)) {
    renew();
  } else if (const auto* ask = std::get_if<core::AskCheck>(&command)) {
    if (hooks_.ask) hooks_.ask(ask->index);
  } else if (std::holds_alternative<core::Quit>(command)) {
    hooks_.quit();
  }
}

void GateHost::say(LogLevel level, std::string_view message, std::string_view fields) {
  if (gate_) {
    say(level, gate_->snapshot().state, gate_->snapshot().attempt, message, fields);
  } else {
    log_.write(level, {name(core::State::kStarting), 0, Millis(0)}, message, fields);
  }
}

void GateHost::say(LogLevel level, core::State state, std::int64_t attempt, std::string_view message,
                   std::string_view fields) {
  log_.write(level, {name(state), attempt, millis(clock_->now() - gate_->started())}, message, fields);
}

// Fresh connections, with the connection string as the file has it now.
void GateHost::renew() {
  const config::Settings::Mongodb& mongodb = settings_.mongodb;
  if (!mongodb.uri_file.empty()) read_secret();
  tls_files_ = mongo::tls_files(mongodb.uri);
  executor_->renew(mongodb.uri);
}

bool GateHost::tls_files_changed() {
  std::string now = mongo::tls_files(settings_.mongodb.uri);
  return std::exchange(tls_files_, now) != now;
}

bool GateHost::read_secret() {
  config::Settings::Mongodb& mongodb = settings_.mongodb;
  auto uri = config::read_uri_file(mongodb.uri_file);
  if (!uri) {
    if (!std::exchange(secret_unreadable_, true)) say(LogLevel::kWarn, uri.error().message);
    return false;
  }
  secret_unreadable_ = false;
  if (uri->same_as(mongodb.uri)) return false;
  mongodb.uri = std::move(*uri);
  return true;
}

void keep_memory_private() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

}  // namespace readygate::cli
