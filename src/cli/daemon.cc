#include "cli/daemon.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/random.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "core/gate.h"
#include "mongo/driver.h"
#include "mongo/executor.h"
#include "server/loop.h"
#include "server/process.h"
#include "server/server.h"

namespace readygate::cli {
namespace {

// How often the secret and the schema file are looked at. Kubernetes takes about a minute to change a mounted one.
constexpr Millis kLookAtFiles{5'000};
// For waiters to be told that the gate drains, before the process ends.
constexpr Millis kFarewell{500};
constexpr Millis kLogFarewell{200};

// A core file or a debugger of the same user would show the connection string.
void keep_memory_private() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
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
  g.init.lease = {s.lease.period, s.lease.margin};
  return g;
}

mongo::Settings mongo_settings(const config::Settings& s, const schema::Schema& schema) {
  mongo::Settings m;
  m.uri = s.mongodb.uri;
  m.database = schema.database;
  m.schema_name = schema.name;
  m.warm_connections = s.mongodb.warm_connections;
  m.parallelism = s.mongodb.parallelism;
  m.connect_timeout = s.mongodb.connect_timeout;
  m.lease_period = s.lease.period;
  return m;
}

server::ServerOptions server_options(const config::Settings& s) {
  server::ServerOptions o;
  o.listen = s.gate.listen;
  o.socket = s.gate.socket;
  o.socket_mode = s.gate.socket_mode;
  o.socket_group = s.gate.socket_group ? static_cast<std::int64_t>(*s.gate.socket_group) : -1;
  o.allow_uids = s.gate.allow_uids;
  o.version = READYGATE_VERSION;
  return o;
}

LogFormat log_format(const config::Settings& s) {
  return s.log.format.value_or(::isatty(STDERR_FILENO) == 1 ? LogFormat::kText : LogFormat::kJson);
}

class Daemon {
 public:
  Daemon(const CommandLine& line, Inputs inputs)
      : line_(line),
        inputs_(std::move(inputs)),
        log_(STDERR_FILENO, log_format(inputs_.config.settings), inputs_.config.settings.log.level, *clock_),
        gate_(gate_settings(inputs_.config.settings), inputs_.schema, random_, now()) {}

  [[noreturn]] void run() {
    for (const std::string& warning : inputs_.config.warnings) say(LogLevel::kWarn, warning);
    auto loop = server::Loop::create(*clock_);
    if (!loop) end_with(loop.error());
    loop_ = std::move(*loop);
    auto server =
        server::Server::create(*loop_, server_options(inputs_.config.settings),
                               {.retry = [this] { event([this] { gate_.retry("asked on the socket", now()); }); },
                                .log_dropped = [this] { return log_.dropped(); },
                                .log = [this](LogLevel level, std::string_view message) { say(level, message); }});
    if (!server) end_with(server.error());
    server_ = std::move(*server);
    start_database();
    on_signal(SIGTERM, [this] { terminate(); });
    on_signal(SIGINT, [this] { terminate(); });
    on_signal(SIGHUP, [this] { event([this] { reload(); }); });
    look_later();
    event([this] { gate_.start(now()); });
    loop_->run();
    end(kExitOk);
  }

 private:
  core::Now now() const { return {clock_->now(), clock_->wall()}; }

  void say(LogLevel level, std::string_view message, std::string_view fields = {}) {
    say(level, gate_.snapshot().state, gate_.snapshot().attempt, message, fields);
  }
  void say(LogLevel level, core::State state, std::int64_t attempt, std::string_view message, std::string_view fields) {
    log_.write(level, {name(state), attempt, millis(clock_->now() - gate_.started())}, message, fields);
  }

  // Something happened: let the gate know, then do what it wants and tell what it says. Loop thread.
  void event(const std::function<void()>& tell) {
    tell();
    carry_out();
    publish();
    const auto next = gate_.next_tick(clock_->now());
    tick_ = next ? loop_->at(*next, [this] { event([this] { gate_.tick(now()); }); }) : server::Timer();
  }

  void carry_out() {
    for (core::Command& command : gate_.take_commands()) {
      if (auto* task = std::get_if<core::StartTask>(&command)) {
        executor_->start(task->id, std::move(task->work));
      } else if (auto* words = std::get_if<core::Say>(&command)) {
        say(words->level, words->state, words->attempt, words->message, words->fields);
      } else if (std::holds_alternative<core::FreshPool>(command)) {
        renew();
      } else {
        farewell_ = loop_->after(kFarewell, [this] { loop_->stop(); });
        leave_when_told();
      }
    }
  }

  void publish() {
    if (gate_.snapshot().seq == published_) return;
    published_ = gate_.snapshot().seq;
    server_->publish(std::make_shared<const core::Published>(core::publish(gate_.snapshot())));
  }

  void start_database() {
    // Every failure of the driver comes back as the outcome of a task, and is told once per cause. Its own lines repeat
    // it.
    driver_ = mongo::Driver::start([this](LogLevel /*level*/, std::string_view message) {
      loop_->post([this, text = std::string(message)] { say(LogLevel::kDebug, text, R"("from":"mongo-c-driver")"); });
    });
    mongo::Hooks hooks;
    hooks.outcome = [this](core::TaskId id, core::Outcome outcome) {
      loop_->post([this, id, result = std::move(outcome)] { event([&] { gate_.finished(id, result, now()); }); });
    };
    hooks.topology = [this](core::TopologyChanged change) {
      loop_->post([this, changed = std::move(change)] { event([&] { gate_.topology(changed, now()); }); });
    };
    executor_.emplace(mongo_settings(inputs_.config.settings, inputs_.schema), driver_, clock_, std::move(hooks));
  }

  // Fresh connections, with the connection string as the file has it now.
  void renew() {
    const config::Settings::Mongodb& mongodb = inputs_.config.settings.mongodb;
    if (!mongodb.uri_file.empty()) read_secret();
    executor_->renew(mongodb.uri);
  }

  // True when it changed. A file that cannot be read just now (a mount being swapped) leaves the old one in force.
  bool read_secret() {
    config::Settings::Mongodb& mongodb = inputs_.config.settings.mongodb;
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

  void look_later() {
    look_ = loop_->after(kLookAtFiles, [this] {
      look_at_files();
      look_later();
    });
  }

  void look_at_files() {
    if (!inputs_.config.settings.mongodb.uri_file.empty() && read_secret()) {
      event([this] { gate_.secret_changed(now()); });
    }
    look_at_schema();
  }

  void look_at_schema() {
    auto schema = load_schema(inputs_.config.settings);
    if (!schema) {
      std::string problem = toml::to_string(schema.error());
      if (problem != schema_problem_) say(LogLevel::kWarn, "The schema file is not valid any more: " + problem);
      schema_problem_ = std::move(problem);
      return;
    }
    schema_problem_.clear();
    // Where its state is kept cannot change while we run.
    schema->name = inputs_.schema.name;
    schema->database = inputs_.schema.database;
    event([&] { gate_.schema_file(*schema, now()); });
  }

  // SIGHUP: what can be reloaded is, and what cannot is named.
  void reload() {
    auto settled = config::settle(given(line_), config::NeedUri::kYes);
    if (!settled) {
      say(LogLevel::kError,
          "Reload refused, the old configuration stays in force: " + toml::to_string(settled.error()));
      return;
    }
    config::Settings& current = inputs_.config.settings;
    std::string restart;
    for (std::size_t i = 0; i < settled->effective.size(); ++i) {
      const config::Effective& next = settled->effective[i];
      if (next.value == inputs_.config.effective[i].value || next.path == "log.level" || next.path == "mongodb.uri")
        continue;
      restart += (restart.empty() ? "" : ", ") + next.path;
    }
    current.log.level = settled->settings.log.level;
    log_.set_level(current.log.level);
    const bool uri_changed = !settled->settings.mongodb.uri.same_as(current.mongodb.uri);
    current.mongodb.uri = settled->settings.mongodb.uri;
    say(LogLevel::kInfo, fmt::format("Reloaded: log.level, mongodb.uri{}", uri_changed ? " (changed)" : ""));
    if (!restart.empty()) say(LogLevel::kWarn, fmt::format("Changed, and in force only after a restart: {}", restart));
    look_at_schema();
    if (uri_changed) {
      gate_.secret_changed(now());
    } else {
      gate_.retry("SIGHUP", now());
    }
  }

  void terminate() {
    event([this] { gate_.terminate(now()); });
  }

  void leave_when_told() {
    if (!server_->waking()) {
      loop_->stop();
      return;
    }
    leave_ = loop_->after(Millis(1), [this] { leave_when_told(); });
  }

  void on_signal(int signal, server::Loop::Task task) {
    if (auto set = loop_->on_signal(signal, std::move(task)); !set) end_with(set.error());
  }

  [[noreturn]] void end_with(const Error& error) {
    say(LogLevel::kError, error.message, fmt::format("\"code\":{}", json_quote(name(error.reason))));
    end(exit_code(error.reason));
  }

  // Workers may be blocked in the driver, which nothing can interrupt: the socket is unlinked, and the process ends.
  [[noreturn]] void end(int code) {
    server_.reset();
    log_.flush(kLogFarewell);
    ::_exit(code);
  }

  const CommandLine line_;
  Inputs inputs_;
  const std::shared_ptr<const SystemClock> clock_ = std::make_shared<const SystemClock>();
  SystemRandom random_;
  QueuedLog log_;
  core::Gate gate_;
  std::unique_ptr<server::Loop> loop_;
  std::unique_ptr<server::Server> server_;
  std::shared_ptr<mongo::Driver> driver_;
  std::optional<mongo::Executor> executor_;
  server::Timer tick_, look_, leave_, farewell_;
  std::uint64_t published_ = 0;
  bool secret_unreadable_ = false;
  std::string schema_problem_;
};

}  // namespace

void run_until_terminated(const CommandLine& line, Inputs inputs) {
  keep_memory_private();
  std::signal(SIGPIPE, SIG_IGN);
  server::raise_file_limit();
  // Never destroyed: it ends with the process.
  auto* daemon = new Daemon(line, std::move(inputs));
  daemon->run();
}

int run_daemon(const CommandLine& line) {
  auto inputs = load_inputs(line, config::NeedUri::kYes);
  if (!inputs) return report(inputs.error(), OutputFormat::kText);
  run_until_terminated(line, std::move(*inputs));
}

}  // namespace readygate::cli
