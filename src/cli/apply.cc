// `readygate apply`: the gate without its servers, which ends when the gate would open, or has failed. However it ends,
// the lease is given back first, so that whoever comes next need not wait for it to run out.
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
#include "core/ledger.h"

namespace readygate::cli {
namespace {

constexpr Millis kLastWords{500};

std::string_view name_of(int signal) {
  switch (signal) {
    case SIGINT: return "SIGINT";
    case SIGHUP: return "SIGHUP";
    default: return "SIGTERM";
  }
}

struct Ending {
  std::string_view outcome;
  Reason code = Reason::kNone;
  Origin origin = readygate::origin(code);
  std::string reason = {};
  int exit_with = kExitOk;
  std::vector<std::string> pending = {};  // background migrations
};

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
    host_.make_gate(schema_, {.settled = [this](const core::Snapshot& now) { follow(now); }, .quit = [this] { end(); }},
                    line_.background ? core::TimeoutCovers::kBackground : core::TimeoutCovers::kOpening);
    for (const std::string& warning : config_.warnings) host_.say(LogLevel::kWarn, warning);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) on_signal(signal);
    host_.event([this] { host_.gate().start(host_.now()); });
    host_.loop().run();
    std::abort();  // end() ends the process
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
      if (ending_) return;  // it is ending already
      ending_ = Ending{.outcome = "interrupted",
                       .code = Reason::kDraining,
                       .reason = fmt::format("ended by {}", name_of(signal)),
                       .exit_with = 128 + signal,
                       .pending = left_behind()};
      host_.event([this, signal] { host_.gate().terminate(host_.now(), name_of(signal)); });
    });
    if (set) return;
    ending_ = Ending{.outcome = "failed",
                     .code = set.error().reason,
                     .reason = set.error().message,
                     .exit_with = exit_code(set.error().reason)};
    end();
  }

  void follow(const core::Snapshot& now) {
    if (ending_) return;
    if (terminal_) bar_.draw(now);
    opened_ = opened_ || now.facts.initialized;
    if (now.state == core::State::kFailed) {
      conclude(failed(now.code, now.origin, now.reason));
    } else if (now.facts.initialized && !(line_.background && migrating(now))) {
      conclude({.outcome = host_.gate().work().steps > 0 ? "applied" : "unchanged", .pending = left_behind()});
    }
  }

  // False: they are done, or one of them has failed for good, which is the end.
  bool migrating(const core::Snapshot& now) {
    for (const core::Check& check : now.checks) {
      if (check.name != "migrations" || check.passed) continue;
      conclude(failed(check.reason, check.origin, check.sentence));
    }
    return ending_ || host_.gate().migrating();
  }

  Ending failed(Reason code, Origin origin, std::string reason) const {
    return {.outcome = "failed",
            .code = code,
            .origin = origin,
            .reason = std::move(reason),
            .exit_with = exit_code(code),
            .pending = left_behind()};
  }

  std::vector<std::string> left_behind() const {
    return opened_ ? host_.gate().work().pending : std::vector<std::string>();
  }

  // Called in the middle of an event: what the gate still wants done, such as giving the lease back, comes first.
  void conclude(Ending ending) {
    ending_ = std::move(ending);
    if (!host_.gate().owes_lease()) end();
    host_.loop().post([this] { host_.event([this] { host_.gate().terminate(host_.now(), "The work is over"); }); });
  }

  [[noreturn]] void end() {
    bar_.clear();
    log_.flush(kLastWords);
    const int steps = host_.gate().work().steps;
    const Millis took = millis(clock_->now() - host_.gate().started());
    if (line_.format == OutputFormat::kJson) {
      print_json(*ending_, steps, took);
    } else {
      print_text(*ending_, steps, took);
    }
    leave(ending_->exit_with);
  }

  // Workers may be blocked in the driver, which nothing can interrupt.
  [[noreturn]] static void leave(int exit_with) {
    std::fflush(stdout);
    ::_exit(exit_with);
  }

  void print_json(const Ending& ending, int steps, Millis took) const {
    JsonWriter json;
    json.begin_object()
        .field("v", 1)
        .field("outcome", ending.outcome)
        .field("code", name(ending.code))
        .field("origin", name(ending.origin))
        .field("reason", std::string_view(ending.reason));
    json.key("schema").begin_object().field("name", std::string_view(schema_.name));
    json.field("version", static_cast<std::int64_t>(schema_.version));
    json.field("hash", std::string_view(schema_.hash)).end_object();
    json.field("database", std::string_view(schema_.database)).field("steps", steps);
    json.field("duration_ms", static_cast<std::int64_t>(took.count()));
    json.field("withheld_steps", host_.gate().snapshot().withheld_steps);
    json.key("background").begin_array();
    for (const std::string& id : ending.pending) json.value(std::string_view(id));
    json.end_array().end_object();
    fmt::print("{}\n", json.text());
  }

  void print_text(const Ending& ending, int steps, Millis took) const {
    const schema::Schema& schema = schema_;
    const std::string counted = fmt::format("{} step{}", steps, steps == 1 ? "" : "s");
    if (ending.outcome == "applied") {
      fmt::print("Applied schema {} version {} to database {}: {} in {:.1f} s.\n", schema.name, schema.version,
                 schema.database, counted, static_cast<double>(took.count()) / 1000);
    } else if (ending.outcome == "unchanged") {
      fmt::print("Nothing to do: database {} has schema {} version {}.\n", schema.database, schema.name,
                 schema.version);
    } else {
      const std::string_view what = ending.outcome == "interrupted" ? ending.outcome : name(ending.code);
      fmt::print(stderr, "readygate: {}: {}\n", what, ending.reason);
      if (steps > 0) fmt::print(stderr, "Carried out before that: {}. The next run goes on from there.\n", counted);
    }
    if (const std::int32_t withheld = host_.gate().snapshot().withheld_steps; withheld > 0) {
      fmt::print("Still to be done: {}; `readygate plan` lists what is held back.\n", core::withheld_words(withheld));
    }
    if (!ending.pending.empty()) {
      fmt::print("Left to an open gate, or to `readygate apply --background`: {}.\n", fmt::join(ending.pending, ", "));
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
  bool opened_ = false;  // the schema is applied
  std::optional<Ending> ending_;
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
