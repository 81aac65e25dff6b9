// `readygate apply`: the gate without its servers, which ends when the gate would open, or has failed.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/gate_host.h"
#include "cli/inputs.h"
#include "cli/progress_bar.h"

namespace readygate::cli {
namespace {

constexpr Millis kLastWords{500};

std::string_view source_of(const config::Settled& settled, std::string_view path) {
  const auto found = std::find_if(settled.effective.begin(), settled.effective.end(),
                                  [&](const config::Effective& each) { return each.path == path; });
  return found == settled.effective.end() ? "default" : std::string_view(found->source);
}

class Job {
 public:
  Job(const CommandLine& line, config::Settled config)
      : line_(line),
        config_(as_job(std::move(config))),
        terminal_(::isatty(STDERR_FILENO) == 1),
        log_(STDERR_FILENO, format(), level(), *clock_),
        bar_(STDERR_FILENO, log_),
        host_(config_.settings, terminal_ ? static_cast<LogSink&>(bar_) : log_, clock_) {}

  [[noreturn]] void run() {
    if (auto opened = host_.open(); !opened) {
      fmt::print(stderr, "readygate: {}: {}\n", name(opened.error().reason), opened.error().message);
      leave(exit_code(opened.error().reason));
    }
    auto schema = load_schema(config_.settings);
    if (!schema) leave(report(schema.error(), line_.format));
    schema_ = std::move(*schema);
    host_.make_gate(
        schema_, {.settled = [this](const core::Snapshot& now) { follow(now); }, .quit = [this] { end_by_signal(); }});
    for (const std::string& warning : config_.warnings) host_.say(LogLevel::kWarn, warning);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) on_signal(signal);
    host_.event([this] { host_.gate().start(host_.now()); });
    host_.loop().run();
    std::abort();  // follow() or end_by_signal() ends the process
  }

 private:
  // A file that says `verify` is that of the daemons which this job works for. On the command line the job is meant.
  static config::Settled as_job(config::Settled config) {
    if (source_of(config, "init.mode") != "--init-mode") config.settings.init.mode = config::InitMode::kApply;
    config.settings.gate.drain_delay = Millis(0);
    return config;
  }

  LogFormat format() const {
    return config_.settings.log.format.value_or(terminal_ ? LogFormat::kText : LogFormat::kJson);
  }
  // Where there is a bar, it says what the lines of level info would.
  LogLevel level() const {
    return terminal_ && source_of(config_, "log.level") == "default" ? LogLevel::kWarn : config_.settings.log.level;
  }

  void on_signal(int signal) {
    const auto set = host_.loop().on_signal(signal, [this, signal] {
      signal_ = signal;
      host_.event([this] { host_.gate().terminate(host_.now()); });
    });
    if (!set) end("failed", set.error().reason, set.error().message, exit_code(set.error().reason));
  }

  void follow(const core::Snapshot& now) {
    if (terminal_) bar_.draw(now);
    if (now.state == core::State::kFailed) end("failed", now.code, now.reason, exit_code(now.code));
    if (!now.facts.initialized) return;
    if (line_.background) {
      for (const core::Check& check : now.checks) {
        if (check.name == "migrations" && !check.passed) {
          end("failed", check.reason, std::string(text(check.reason).meaning), exit_code(check.reason));
        }
      }
      if (host_.gate().migrating()) return;
    }
    end(host_.gate().work().steps > 0 ? "applied" : "unchanged", Reason::kNone, "", kExitOk);
  }

  [[noreturn]] void end_by_signal() {
    end("interrupted", Reason::kDraining, fmt::format("ended by signal {}", signal_), 128 + signal_);
  }

  [[noreturn]] void end(std::string_view outcome, Reason code, const std::string& reason, int exit_with) {
    bar_.clear();
    log_.flush(kLastWords);
    const core::Gate::Work work = host_.gate().work();
    const Millis took = millis(clock_->now() - host_.gate().started());
    const std::vector<std::string> pending =
        exit_with == kExitOk && !line_.background ? work.pending : std::vector<std::string>();
    if (line_.format == OutputFormat::kJson) {
      print_json(outcome, code, reason, work.steps, took, pending);
    } else {
      print_text(outcome, code, reason, work.steps, took, pending);
    }
    leave(exit_with);
  }

  // Workers may be blocked in the driver, which nothing can interrupt.
  [[noreturn]] static void leave(int exit_with) {
    std::fflush(stdout);
    ::_exit(exit_with);
  }

  void print_json(std::string_view outcome, Reason code, const std::string& reason, int steps, Millis took,
                  const std::vector<std::string>& pending) const {
    JsonWriter json;
    json.begin_object()
        .field("v", 1)
        .field("outcome", outcome)
        .field("code", name(code))
        .field("reason", std::string_view(reason));
    json.key("schema").begin_object().field("name", std::string_view(schema_.name));
    json.field("version", static_cast<std::int64_t>(schema_.version));
    json.field("hash", std::string_view(schema_.hash)).end_object();
    json.field("database", std::string_view(schema_.database)).field("steps", steps);
    json.field("duration_ms", static_cast<std::int64_t>(took.count()));
    json.key("background").begin_array();
    for (const std::string& id : pending) json.value(std::string_view(id));
    json.end_array().end_object();
    fmt::print("{}\n", json.text());
  }

  void print_text(std::string_view outcome, Reason code, const std::string& reason, int steps, Millis took,
                  const std::vector<std::string>& pending) const {
    const schema::Schema& schema = schema_;
    if (outcome == "applied") {
      fmt::print("Applied schema {} version {} to database {}: {} step{} in {:.1f} s.\n", schema.name, schema.version,
                 schema.database, steps, steps == 1 ? "" : "s", static_cast<double>(took.count()) / 1000);
    } else if (outcome == "unchanged") {
      fmt::print("Nothing to do: database {} has schema {} version {}.\n", schema.database, schema.name,
                 schema.version);
    } else {
      fmt::print(stderr, "readygate: {}: {}\n", name(code), reason);
    }
    if (!pending.empty()) {
      fmt::print("Left to an open gate, or to `readygate apply --background`: {}.\n", fmt::join(pending, ", "));
    }
  }

  const CommandLine line_;
  config::Settled config_;
  schema::Schema schema_;
  const bool terminal_;
  const std::shared_ptr<const SystemClock> clock_ = std::make_shared<const SystemClock>();
  QueuedLog log_;
  ProgressBar bar_;
  GateHost host_;
  int signal_ = 0;
};

}  // namespace

int apply(const CommandLine& line) {
  auto config = config::settle(given(line), config::NeedUri::kYes);
  if (!config) return report(config.error(), line.format);
  keep_memory_private();
  std::signal(SIGPIPE, SIG_IGN);
  auto* job = new Job(line, std::move(*config));  // never destroyed: it ends with the process
  job->run();
}

}  // namespace readygate::cli
