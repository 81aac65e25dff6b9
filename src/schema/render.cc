// A plan for people and for programs. Names come from a database that somebody else may have written to: what a
// terminal would obey is written as an escape.
#include <algorithm>
#include <cstddef>
#include <string_view>

#include <fmt/format.h>

#include "base/json.h"
#include "schema/plan.h"

namespace readygate::schema {
namespace {

constexpr std::string_view kGreen = "\x1b[32m";
constexpr std::string_view kYellow = "\x1b[33m";
constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kCyan = "\x1b[36m";
constexpr std::string_view kPlain = "\x1b[0m";
constexpr std::size_t kWidest = 32;  // a longer name pushes only its own line

// As in JSON, without the quotes, so that other characters stay readable.
std::string safe(std::string_view text) {
  std::string out;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    // Quotes and backslashes do no harm; json_quote would double them.
    const std::size_t end = std::min(text.find_first_of("\"\\", begin), text.size());
    const std::string piece = json_quote(text.substr(begin, end - begin));
    out += piece.substr(1, piece.size() - 2);
    if (end < text.size()) out += text[end];
    begin = end + 1;
  }
  return out;
}

struct Line {
  char sign;
  std::string_view colour;
  std::string collection;
  std::string text;
};

Line line_of(const Step& step) {
  const bool changes = step.kind == StepKind::kModifyIndex || step.kind == StepKind::kSetValidator;
  return {changes ? '~' : '+', changes ? kYellow : kGreen, safe(step.collection), safe(step.what)};
}

Line line_of(const Finding& finding) {
  const bool bad = finding.kind == FindingKind::kConflict || finding.kind == FindingKind::kNotHonoured;
  std::string kind(name(finding.kind));
  std::replace(kind.begin(), kind.end(), '_', ' ');
  return {bad ? '!' : '?', bad ? kRed : kCyan, safe(finding.collection),
          fmt::format("{}: {}", kind, safe(finding.message))};
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

}  // namespace

std::string render_text(const Plan& plan, Colour colour) {
  std::vector<Line> lines;
  for (const Step& step : plan.steps) lines.push_back(line_of(step));
  for (const Finding& finding : plan.findings) lines.push_back(line_of(finding));
  std::size_t widest = 0;
  for (const Line& line : lines) widest = std::max(widest, std::min(width(line.collection), kWidest));
  std::string out;
  for (const Line& line : lines) {
    const std::size_t pad = widest - std::min(width(line.collection), widest);
    const bool coloured = colour == Colour::kOn;
    out += fmt::format("{}{}{} {}{:{}}  {}\n", coloured ? line.colour : "", line.sign, coloured ? kPlain : "",
                       line.collection, "", pad, line.text);
  }
  return out;
}

std::string render_json(const Plan& plan) {
  JsonWriter json;
  json.begin_object().field("v", 1).field("changes", static_cast<std::int64_t>(plan.steps.size()));
  json.key("steps").begin_array();
  for (const Step& step : plan.steps) {
    json.begin_object().field("kind", name(step.kind)).field("collection", step.collection).field("what", step.what);
    json_or_null(json, "command", step.command.to_json());
    json.end_object();
  }
  json.end_array().key("findings").begin_array();
  for (const Finding& finding : plan.findings) {
    json.begin_object().field("kind", name(finding.kind)).field("collection", finding.collection);
    json.field("object", finding.object).field("option", finding.option);
    json_or_null(json, "asked", finding.asked);
    json_or_null(json, "reported", finding.reported);
    json.field("message", finding.message).end_object();
  }
  return json.end_array().end_object().take();
}

}  // namespace readygate::schema
