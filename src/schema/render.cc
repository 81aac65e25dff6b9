// A plan for people and for programs. For people, one line a step or finding, with a sign before it:
//   + made   ~ changed   - dropped   = withheld by a policy   ? left alone, worth knowing   ! in the way
// and below it, where something changes, each option as it is (-) and as it is declared (+).
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/json.h"
#include "base/printable.h"
#include "schema/plan.h"

namespace readygate::schema {
namespace {

constexpr std::string_view kGreen = "\x1b[32m";
constexpr std::string_view kYellow = "\x1b[33m";
constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kCyan = "\x1b[36m";
constexpr std::string_view kPlain = "\x1b[0m";
constexpr std::size_t kWidest = 32;  // a longer name pushes only its own line

struct Line {
  char sign;
  std::string_view colour;
  std::string collection;
  std::string text;
  std::vector<Change> changes = {};
};

enum class Held { kNo, kYes };

char sign_of(StepKind kind) {
  switch (kind) {
    case StepKind::kCreateCollection:
    case StepKind::kCreateView:
    case StepKind::kCreateIndexes: return '+';
    case StepKind::kDropIndex: return '-';
    case StepKind::kFindDuplicates:
    case StepKind::kFindViolations:
    case StepKind::kAwaitIndexes: return '?';  // changes nothing
    case StepKind::kModifyIndex:
    case StepKind::kUnhideIndex:
    case StepKind::kHideIndex:
    case StepKind::kPrepareUnique:
    case StepKind::kTryUnique:
    case StepKind::kMakeUnique:
    case StepKind::kResetUnique:
    case StepKind::kPrepareConstraint:
    case StepKind::kMakeConstraint:
    case StepKind::kResetConstraint:
    case StepKind::kModifyCollection:
    case StepKind::kSetValidator:
    case StepKind::kModifyView: return '~';
  }
  return '~';
}

// "(scans the collection, about 1200 documents; can break the version before)"
std::string price_of(const Step& step, Held held) {
  std::string text = step.cost == Cost::kInstant ? "instant"
                     : step.cost == Cost::kScans ? "scans the collection"
                                                 : "blocks writes";
  if (step.cost != Cost::kInstant && step.documents) {
    text += fmt::format(", about {} document{}", *step.documents, *step.documents == 1 ? "" : "s");
  }
  if (step.effect == Effect::kContract) text += "; can break the version before";
  if (held == Held::kYes) text += "; withheld by policy.contract";
  return "(" + text + ")";
}

Line line_of(const Step& step, Held held, Detail detail) {
  const char sign = sign_of(step.kind);
  const std::string_view colour = sign == '+' ? kGreen : sign == '-' ? kRed : kYellow;
  Line line{held == Held::kYes ? '=' : sign, held == Held::kYes ? kCyan : colour, printable(step.collection),
            printable(step.what)};
  if (detail == Detail::kFull) {
    line.text += " " + price_of(step, held);
    line.changes = step.changes;
  }
  return line;
}

Line line_of(const Finding& finding, Detail detail) {
  const bool bad = in_the_way(finding.kind);
  std::string kind(name(finding.kind));
  std::replace(kind.begin(), kind.end(), '_', ' ');
  Line line{bad ? '!' : '?', bad ? kRed : kCyan, printable(finding.collection),
            fmt::format("{}: {}", kind, printable(finding.message))};
  if (detail == Detail::kFull && !finding.option.empty() && (!finding.asked.empty() || !finding.reported.empty())) {
    line.changes.push_back({finding.option, finding.reported, finding.asked});
  }
  return line;
}

// Columns of a terminal, nearly: continuation bytes of UTF-8 take none.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

void json_or_null(JsonWriter& json, std::string_view key, const std::string& value) {
  json.key(key);
  if (value.empty()) {
    json.null();
  } else {
    json.raw(value);
  }
}

void step_json(JsonWriter& json, const Step& step) {
  json.begin_object().field("kind", name(step.kind)).field("collection", step.collection);
  json.field("object", step.object).field("what", step.what).field("effect", name(step.effect));
  json.field("destructive", step.destructive).field("cost", name(step.cost)).key("documents");
  if (step.documents) {
    json.value(*step.documents);
  } else {
    json.null();
  }
  json.key("indexes").begin_array();
  for (const std::string& index : step.indexes) json.value(index);
  json.end_array().key("changes").begin_array();
  for (const Change& change : step.changes) {
    json.begin_object().field("option", change.option);
    json_or_null(json, "from", change.from);
    json_or_null(json, "to", change.to);
    json.end_object();
  }
  json.end_array();
  json_or_null(json, "command", step.command.to_json());
  json.end_object();
}

// One option with both of its sides below each other, as in a diff of texts.
std::string change_text(const Change& change, std::size_t indent, Colour colour) {
  const auto side = [&](char sign, std::string_view paint, const std::string& value) {
    if (value.empty()) return std::string();
    const bool coloured = colour == Colour::kOn;
    return fmt::format("{:{}}{}{} {}: {}{}\n", "", indent, coloured ? paint : "", sign, printable(change.option),
                       printable(value), coloured ? kPlain : "");
  };
  return side('-', kRed, change.from) + side('+', kGreen, change.to);
}

}  // namespace

std::string render_text(const Plan& plan, Colour colour, Detail detail) {
  std::vector<Line> lines;
  for (const Step& step : plan.steps) lines.push_back(line_of(step, Held::kNo, detail));
  for (const Step& step : plan.withheld) lines.push_back(line_of(step, Held::kYes, detail));
  for (const Finding& finding : plan.findings) lines.push_back(line_of(finding, detail));
  std::size_t widest = 0;
  for (const Line& line : lines) widest = std::max(widest, std::min(width(line.collection), kWidest));
  std::string out;
  for (const Line& line : lines) {
    const std::size_t pad = widest - std::min(width(line.collection), widest);
    const bool coloured = colour == Colour::kOn;
    out += fmt::format("{}{}{} {}{:{}}  {}\n", coloured ? line.colour : "", line.sign, coloured ? kPlain : "",
                       line.collection, "", pad, line.text);
    for (const Change& change : line.changes) out += change_text(change, widest + 6, colour);
  }
  return out;
}

std::string render_json(const Plan& plan, const std::optional<std::string>& missing_privileges, const Server* server) {
  JsonWriter json;
  json.begin_object().field("v", 1).field("changes", static_cast<std::int64_t>(plan.steps.size()));
  json.key("steps").begin_array();
  for (const Step& step : plan.steps) step_json(json, step);
  json.end_array().key("withheld").begin_array();
  for (const Step& step : plan.withheld) step_json(json, step);
  json.end_array().key("findings").begin_array();
  for (const Finding& finding : plan.findings) {
    json.begin_object().field("kind", name(finding.kind)).field("collection", finding.collection);
    json.field("object", finding.object).field("option", finding.option);
    json_or_null(json, "asked", finding.asked);
    json_or_null(json, "reported", finding.reported);
    json.field("message", finding.message).end_object();
  }
  json.end_array();
  json_or_null(json, "missing_privileges", missing_privileges.value_or(""));
  json.key("server");
  if (server == nullptr) {
    json.null();
  } else {
    json.begin_object().field("product", server->product).field("version", server->version);
    json.field("topology", server->topology);
    const std::string& as = server->mongodb_version;
    json_or_null(json, "mongodb_version", as.empty() ? "" : json_quote(as));
    json.end_object();
  }
  return json.end_object().take();
}

}  // namespace readygate::schema
