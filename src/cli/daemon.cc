// The daemon: the gate, its loop, its servers and its workers, wired together. The only place where all of them meet;
// it decides nothing.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/announcer.h"
#include "cli/checker.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/gate_host.h"
#include "cli/inputs.h"
#include "server/process.h"
#include "server/server.h"

namespace readygate::cli {
namespace {

// How often the secret, its TLS files and the schema file are looked at. Kubernetes takes about a minute to change a
// mounted one.
constexpr Millis kLookAtFiles{5'000};
// For waiters to be told that the gate drains, before the process ends.
constexpr Millis kFarewell{500};
constexpr Millis kLogFarewell{200};
constexpr const char* kUserAgent = "readygate/" READYGATE_VERSION;

server::ServerOptions server_options(const config::Settings& s, const std::string& instance) {
  server::ServerOptions o;
  o.listen = s.gate.listen;
  o.socket = s.gate.socket;
  o.socket_mode = s.gate.socket_mode;
  o.socket_group = s.gate.socket_group ? static_cast<std::int64_t>(*s.gate.socket_group) : -1;
  o.allow_uids = s.gate.allow_uids;
  o.version = READYGATE_VERSION;
  o.instance = instance;
  return o;
}

LogFormat log_format(const config::Settings& s) {
  return s.log.format.value_or(::isatty(STDERR_FILENO) == 1 ? LogFormat::kText : LogFormat::kJson);
}

std::string_view notify_socket() {
  const char* const address = std::getenv("NOTIFY_SOCKET");  // NOLINT(concurrency-mt-unsafe): nobody sets it here
  return address == nullptr ? "" : address;
}

// Then libcurl is loaded at the start, and its absence said at once; a reload that adds the first check loads it later.
bool needs_libcurl(const config::Settings& s) {
  const auto asks = [](const config::Check& check) { return check.kind != config::CheckKind::kFile; };
  return std::any_of(s.checks.begin(), s.checks.end(), asks) || !s.webhook.url.empty() || !s.otlp.url.empty() ||
         s.kubernetes.condition || s.kubernetes.events;
}

class Daemon {
 public:
  Daemon(const CommandLine& line, config::Settled config)
      : line_(line),
        config_(std::move(config)),
        log_(STDERR_FILENO, log_format(config_.settings), config_.settings.log.level, *clock_),
        host_(config_.settings, log_, clock_) {}

  [[noreturn]] void run() {
    if (auto opened = host_.open(); !opened) end_with(opened.error());
    auto schema = load_schema(config_.settings);
    if (!schema) end(report(schema.error(), OutputFormat::kText));
    host_.make_gate(
        *schema,
        {.settled = [this](const core::Snapshot& now) { publish(now); },
         .ask = [this](std::size_t check) { checker_->ask(check); },
         .started = [this](core::TaskId id, const core::Work& work) { announcer_->started(id, work); },
         .finished = [this](core::TaskId id, const core::Outcome& outcome) { announcer_->finished(id, outcome); },
         .quit = [this] { leave(); }});
    if (needs_libcurl(config_.settings)) {
      if (auto started = http::start(); !started) end_with(started.error());
    }
    for (const std::string& warning : config_.warnings) host_.say(LogLevel::kWarn, warning);
    make_checker();
    announcer_.emplace(host_, config_.settings, READYGATE_VERSION, notify_socket());
    // The ledger is asked for while the servers are made. What comes of it is looked at by the loop, after they listen.
    event([this] { host_.gate().start(host_.now()); });
    auto server = server::Server::create(
        host_.loop(), server_options(config_.settings, host_.gate().snapshot().instance_id),
        {.retry = [this] { return retry(); },
         .drain = [this](Millis length) { drain(length); },
         .undrain = [this] { undrain(); },
         .overloads = [this] { return host_.gate().overloads(); },
         .log_dropped = [this] { return log_.dropped(); },
         .log = [this](LogLevel level, std::string_view message) { host_.say(level, message); }});
    if (!server) end_with(server.error());
    server_ = std::move(*server);
    on_signal(SIGTERM, [this] { terminate(); });
    on_signal(SIGINT, [this] { terminate(); });
    on_signal(SIGHUP, [this] { event([this] { reload(); }); });
    look_later();
    publish(host_.gate().snapshot());
    host_.loop().run();
    end(kExitOk);
  }

 private:
  void event(const std::function<void()>& tell) { host_.event(tell); }

  void make_checker() {
    checker_.emplace(config_.settings.checks, kUserAgent, [this](std::size_t check, core::CheckOutcome outcome) {
      host_.loop().post([this, check, result = std::move(outcome)] {
        event([&] { host_.gate().checked(check, result, host_.now()); });
      });
    });
  }

  void publish(const core::Snapshot& snapshot) {
    if (!server_ || snapshot.seq == published_) return;
    published_ = snapshot.seq;
    announcer_->observe(snapshot);
    server_->publish(std::make_shared<const core::Published>(core::publish(snapshot)));
  }

  void look_later() {
    look_ = host_.loop().after(kLookAtFiles, [this] {
      look_at_files();
      look_later();
    });
  }

  void look_at_files() {
    if (!config_.settings.mongodb.uri_file.empty() && host_.read_secret()) {
      secret_changed("The connection string");
    } else if (host_.tls_files_changed()) {
      secret_changed("A TLS file of the connection string");
    }
    look_at_schema();
  }

  void secret_changed(std::string_view what) {
    event([&] { host_.gate().secret_changed(what, host_.now()); });
  }

  void look_at_schema() {
    auto schema = load_schema(config_.settings);
    if (!schema) {
      std::string problem = toml::to_string(schema.error());
      if (problem != schema_problem_) host_.say(LogLevel::kWarn, "The schema file is not valid any more: " + problem);
      schema_problem_ = std::move(problem);
      return;
    }
    schema_problem_.clear();
    event([&] { host_.gate().schema_file(*schema, host_.now()); });
  }

  // SIGHUP: what can be reloaded is, and what cannot is named.
  void reload() {
    auto settled = config::settle(given(line_), config::NeedUri::kYes);
    if (!settled) {
      host_.say(LogLevel::kError,
                "Reload refused, the old configuration stays in force: " + toml::to_string(settled.error()));
      return;
    }
    config::Settings& current = config_.settings;
    std::string restart;
    for (std::size_t i = 0; i < settled->effective.size(); ++i) {
      const config::Effective& next = settled->effective[i];
      if (next.value == config_.effective[i].value || next.path == "log.level" || next.path == "mongodb.uri") continue;
      restart += (restart.empty() ? "" : ", ") + next.path;
    }
    current.log.level = settled->settings.log.level;
    log_.set_level(current.log.level);
    const bool uri_changed = !settled->settings.mongodb.uri.same_as(current.mongodb.uri);
    current.mongodb.uri = settled->settings.mongodb.uri;
    host_.say(LogLevel::kInfo, fmt::format("Reloaded: log.level, mongodb.uri{}", uri_changed ? " (changed)" : ""));
    if (!restart.empty()) {
      host_.say(LogLevel::kWarn, fmt::format("Changed, and in force only after a restart: {}", restart));
    }
    look_at_schema();
    if (uri_changed) {
      host_.gate().secret_changed("The connection string", host_.now());
    } else {
      host_.gate().retry("SIGHUP", host_.now());
    }
  }

  void terminate() {
    event([this] { host_.gate().terminate(host_.now()); });
  }

  void leave() {
    farewell_ = host_.loop().after(kFarewell, [this] { host_.loop().stop(); });
    leave_when_told();
  }

  core::Retried retry() {
    core::Retried retried{};
    event([&] { retried = host_.gate().retry("asked on the socket", host_.now()); });
    return retried;
  }

  void drain(Millis length) {
    host_.say(LogLevel::kInfo, fmt::format("Asked on the socket: not open for {}", format_duration(length)));
    event([&] { host_.gate().drain(length, host_.now()); });
  }

  void undrain() {
    host_.say(LogLevel::kInfo, "Asked on the socket: the drain ends");
    event([this] { host_.gate().undrain(host_.now()); });
  }

  void leave_when_told() {
    if (!server_->waking()) {
      host_.loop().stop();
      return;
    }
    leave_ = host_.loop().after(Millis(1), [this] { leave_when_told(); });
  }

  void on_signal(int signal, server::Loop::Task task) {
    if (auto set = host_.loop().on_signal(signal, std::move(task)); !set) end_with(set.error());
  }

  [[noreturn]] void end_with(const Error& error) {
    host_.say(LogLevel::kError, error.message, fmt::format("\"code\":{}", json_quote(name(error.reason))));
    end(exit_code(error.reason));
  }

  // Workers may be blocked in the driver, which nothing can interrupt: the socket is unlinked, and the process ends.
  [[noreturn]] void end(int code) {
    server_.reset();
    log_.flush(kLogFarewell);
    ::_exit(code);
  }

  const CommandLine line_;
  config::Settled config_;
  const std::shared_ptr<const SystemClock> clock_ = std::make_shared<const SystemClock>();
  QueuedLog log_;
  GateHost host_;
  std::unique_ptr<server::Server> server_;
  std::optional<Checker> checker_;
  std::optional<Announcer> announcer_;
  server::Timer look_, leave_, farewell_;
  std::uint64_t published_ = 0;
  std::string schema_problem_;
};

}  // namespace

int run_daemon(const CommandLine& line) {
  auto config = config::settle(given(line), config::NeedUri::kYes);
  if (!config) return report(config.error(), OutputFormat::kText);
  keep_memory_private();
  std::signal(SIGPIPE, SIG_IGN);
  server::raise_file_limit();
  auto* daemon = new Daemon(line, std::move(*config));  // never destroyed: it ends with the process
  daemon->run();
}

}  // namespace readygate::cli
