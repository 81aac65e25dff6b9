#include "cli/status.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <iterator>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "base/reason.h"
#include "cli/exit_code.h"
#include "cli/gate_client.h"
#include "cli/terminal.h"
#include "core/ledger.h"
#include "schema/catalog.h"

namespace readygate::cli {
namespace {

constexpr Millis kLimit{5000};

enum class Served { kNo, kYes };  // what the probe `ready` says

std::string_view colour_of(std::string_view state, Served served) {
  if (state == "ready") return served == Served::kYes ? "32" : "33";  // green, yellow
  if (state == "failed") return "31";                                 // red
  if (state == "degraded" || state == "draining") return "33";        // yellow
  return "36";                                                        // cyan: on its way
}

// Text from the daemon, for a terminal: it may quote a server's message, so no control characters.
std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return text;
}

// "12 s", "3 min", "5 h", "2 d" since an RFC 3339 time of ours; none when it is not one.
std::optional<std::string> age(const std::string& since, WallTime now) {
  std::tm parts{};
  const char* end = ::strptime(since.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (end == nullptr) return std::nullopt;
  const auto then = std::chrono::system_clock::from_time_t(::timegm(&parts));
  const auto seconds = std::max<std::int64_t>(0, std::chrono::duration_cast<Seconds>(now - then).count());
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 7200) return fmt::format("{} min", seconds / 60);
  if (seconds < 172800) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} d", seconds / 86400);
}

std::optional<Reason> reason_of(const std::string& code) {
  for (const Reason reason : all_reasons()) {
    if (name(reason) == code) return reason;
  }
  return std::nullopt;
}

std::string_view advice_for(const std::string& code) {
  const auto reason = reason_of(code);
  return reason ? text(*reason).advice : "";
}

std::string_view meaning_of(const std::string& code) {
  const auto reason = reason_of(code);
  return reason ? text(*reason).meaning : "";
}

class Page {
 public:
  explicit Page(const schema::Document& json) : json_(json) {}

  std::string text(const char* path) const { return printable(text_at(json_, path).value_or("")); }
  std::int64_t number(const char* path) const { return number_at(json_, path).value_or(0); }
  std::string_view yes_no(const char* path) const { return flag_at(json_, path).value_or(false) ? "yes" : "no"; }
  void line(std::string_view label, std::string_view value) {
    if (!value.empty()) fmt::format_to(std::back_inserter(out_), "{:<10} {}\n", label, value);
  }
  std::string take() { return std::move(out_); }

 private:
  const schema::Document& json_;
  std::string out_;
};

std::string phase_of(const Page& page) {
  const std::string name = page.text("phase.name");
  const std::int64_t of = page.number("phase.of");
  std::string what = page.text("phase.what");
  if (name.empty()) return what;
  std::string out = of > 0 ? fmt::format("{} {}/{}", name, page.number("phase.step"), of) : name;
  if (!what.empty()) out += ": " + what;
  if (const std::int64_t percent = page.number("phase.percent"); percent > 0) out += fmt::format(" ({}%)", percent);
  return out;
}

// Why the probe `ready` says no: the gate's own code, or the first check that fails. The page says it at its head.
struct Obstacle {
  std::string code;
  std::string check;  // its name; "": the code is the gate's own
  std::string why;
  int others = 0;  // checks that fail as well
};

std::optional<Obstacle> failing_check(const schema::Document& json) {
  std::optional<Obstacle> first;
  for (int i = 0;; ++i) {
    const std::string at = fmt::format("checks.{}.", i);
    const std::optional<std::string> name = text_at(json, (at + "name").c_str());
    if (!name) return first;
    if (flag_at(json, (at + "passed").c_str()).value_or(false)) continue;
    if (first) {
      ++first->others;
      continue;
    }
    const std::string code = text_at(json, (at + "code").c_str()).value_or("");
    first = Obstacle{code, *name, text_at(json, (at + "reason").c_str()).value_or(std::string(meaning_of(code))), 0};
  }
}

std::optional<Obstacle> obstacle(const schema::Document& json) {
  if (flag_at(json, "ready").value_or(false)) return std::nullopt;
  const std::string code = text_at(json, "code").value_or("");
  // As the probe's own body: of an open gate the checks come first.
  if (flag_at(json, "open").value_or(false) || code == "none" || code.empty()) return failing_check(json);
  return Obstacle{code, "", text_at(json, "reason").value_or(std::string(meaning_of(code))), 0};
}

std::string in_words(const Obstacle& obstacle) {
  if (obstacle.check.empty()) return fmt::format("{} ({})", obstacle.code, obstacle.why);
  return fmt::format("{} (check \"{}\": {}{})", obstacle.code, obstacle.check, obstacle.why,
                     obstacle.others == 0 ? "" : fmt::format("; {} more below", obstacle.others));
}

void add_checks(Page& page, const schema::Document& json) {
  for (int i = 0;; ++i) {
    const std::string at = fmt::format("checks.{}.", i);
    const std::optional<std::string> name = text_at(json, (at + "name").c_str());
    if (!name) return;
    const bool passed = flag_at(json, (at + "passed").c_str()).value_or(false);
    std::string line = fmt::format("[{}] {}", passed ? '+' : '-', *name);
    const std::string code = text_at(json, (at + "code").c_str()).value_or("");
    if (!passed) line += ": " + code;
    if (const auto reason = text_at(json, (at + "reason").c_str())) line += ": " + *reason;
    page.line(i == 0 ? "checks" : "", printable(std::move(line)));
  }
}

int retry(const StatusOptions& options, const Clock& clock) {
  const Result<std::string> answer = ask_gate(options.socket, "POST /v1/retry HTTP/1.0\r\n\r\n", kLimit, clock);
  if (!answer) {
    fmt::print(stderr, "readygate: {}\n", answer.error().message);
    return kExitUnavailable;
  }
  const std::string status = answer->size() > 12 ? answer->substr(9, 3) : "";
  if (status == "202") {
    fmt::print("{}\n", retry_words(*answer));
    return kExitOk;
  }
  if (status == "403") {
    fmt::print(stderr, "readygate: the gate does not take orders from this user; add uid {} to gate.allow_uids\n",
               ::getuid());
    return kExitNotAllowed;
  }
  fmt::print(stderr, "readygate: the gate does not try again: {}\n",
             status == "503" ? "it is draining" : "its answer is not understood");
  return status == "503" ? kExitTryAgain : kExitError;
}

}  // namespace

std::string_view retry_words(std::string_view answer) {
  const std::size_t head = answer.find("\r\n\r\n");
  const auto json = schema::Document::from_json(
      std::string(answer.substr(head == std::string_view::npos ? answer.size() : head + 4)));
  if (!json || flag_at(*json, "retried").value_or(true)) return "The gate tries again.";
  if (text_at(*json, "state") == "degraded") {
    return "There is nothing to retry: the schema is in place, and the gate opens by itself when the database answers.";
  }
  return "There is nothing to retry: the gate has opened.";
}

std::string render_status(const schema::Document& snapshot, Colour colour, WallTime now) {
  Page page(snapshot);
  const std::string state = page.text("state");
  const std::string since = page.text("since");
  const std::optional<Obstacle> in_the_way = obstacle(snapshot);
  const Served served = in_the_way ? Served::kNo : Served::kYes;
  std::string first =
      colour == Colour::kYes ? fmt::format("\x1b[1;{}m{}\x1b[0m", colour_of(state, served), state) : state;
  const bool not_served = in_the_way && state == "ready";
  if (not_served) first += fmt::format(", but not served: {} ·", printable(in_words(*in_the_way)));
  if (const auto how_long = age(since, now)) first += fmt::format(" for {} (since {})", *how_long, since);
  page.line("state", first);
  page.line("facts", fmt::format("open {} · ready {} · initialized {} · reachable {} · healthy {}", page.yes_no("open"),
                                 page.yes_no("ready"), page.yes_no("initialized"), page.yes_no("reachable"),
                                 page.yes_no("healthy")));
  const std::string code = page.text("code");
  if (code != "none" && !code.empty()) {
    const std::string reason = page.text("reason");
    page.line("why", reason.empty() ? code : fmt::format("{}: {}", code, reason));
    page.line("do", advice_for(code));
  } else if (not_served) {
    page.line("do", advice_for(in_the_way->code));
  }
  page.line("phase", phase_of(page));
  if (page.number("attempt") > 0) {
    const std::string next = page.text("next_attempt_at");
    page.line("attempt", next.empty() ? fmt::format("{}", page.number("attempt"))
                                      : fmt::format("{}, the next one at {}", page.number("attempt"), next));
  }
  if (const std::string schema = page.text("schema.name"); !schema.empty()) {
    page.line("schema",
              fmt::format("{} version {}, {}", schema, page.number("schema.version"), page.text("schema.hash")));
  }
  if (const auto withheld = static_cast<std::int32_t>(page.number("withheld_steps")); withheld > 0) {
    page.line("withheld", fmt::format("{}; `readygate plan` lists what is held back", core::withheld_words(withheld)));
  }
  if (const std::string product = page.text("server.product"); !product.empty()) {
    const schema::Server server{product, page.text("server.version"), page.text("server.topology"),
                                page.text("server.mongodb_version")};
    page.line("server", fmt::format("{}, {}", shown(server), server.topology));
  }
  add_checks(page, snapshot);
  page.line("instance", fmt::format("{}, started {}", page.text("instance_id"), page.text("started")));
  return page.take();
}

int status_exit_code(const schema::Document& snapshot) {
  if (flag_at(snapshot, "ready").value_or(false)) return kExitOk;
  if (text_at(snapshot, "code") == name(Reason::kDraining)) return kExitTryAgain;
  const std::optional<std::string> state = text_at(snapshot, "state");
  // What is on its way, or was lost, comes by itself. A check that fails may not.
  return state == "failed" || state == "ready" ? kExitUnavailable : kExitTryAgain;
}

int run_status(const StatusOptions& options) {
  const SystemClock clock;
  if (options.retry) return retry(options, clock);
  if (options.format == OutputFormat::kJson) {
    // What the gate said, unchanged.
    const Result<std::string> answer = ask_gate(options.socket, "STATUS\n", kLimit, clock);
    const Result<schema::Document> json =
        answer ? schema::Document::from_json(*answer) : tl::unexpected(answer.error());
    if (!json || !text_at(*json, "state")) {
      fmt::print(stderr, "readygate: {}\n", answer ? "what answers there is not a gate" : answer.error().message);
      return kExitUnavailable;
    }
    std::fputs(answer->c_str(), stdout);
    return status_exit_code(*json);
  }
  const Result<schema::Document> snapshot = ask_status(options.socket, kLimit, clock);
  if (!snapshot) {
    fmt::print(stderr, "readygate: {}\n", snapshot.error().message);
    return kExitUnavailable;
  }
  std::fputs(render_status(*snapshot, colour_wanted() ? Colour::kYes : Colour::kNo, clock.wall()).c_str(), stdout);
  return status_exit_code(*snapshot);
}

}  // namespace readygate::cli
