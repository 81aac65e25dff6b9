// Relaxed Extended JSON, as people write it: {"a": {"$gt": 1}}. libbson's own spacing is another.
#include "schema/write_values.h"

#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/json.h"
#include "schema/collation_keys.h"
#include "schema/digest.h"
#include "schema/fields.h"
#include "toml/print.h"

namespace readygate::schema {
namespace {

constexpr std::size_t kOneLine = 80;  // columns of JSON that stay on one line

enum class Brackets { kObject, kArray };

std::string one_line(const Document& document, Brackets brackets);

// { "$uuid": "…" } says what it is; libbson would write its bytes in base64.
std::string uuid_text(const Field& value) {
  bson_subtype_t subtype = BSON_SUBTYPE_BINARY;
  std::uint32_t size = 0;
  const std::uint8_t* bytes = nullptr;
  if (value.type() != BSON_TYPE_BINARY) return {};
  bson_iter_binary(&value.iterator(), &subtype, &size, &bytes);
  if (subtype != BSON_SUBTYPE_UUID || size != 16) return {};
  const std::string digits = hex(bytes, size);
  const std::string_view all = digits;
  return fmt::format(R"({{ "$uuid": "{}-{}-{}-{}-{}" }})", all.substr(0, 8), all.substr(8, 4), all.substr(12, 4),
                     all.substr(16, 4), all.substr(20));
}

std::string one_line(const Field& value) {
  if (std::string uuid = uuid_text(value); !uuid.empty()) return uuid;
  if (value.type() == BSON_TYPE_DOCUMENT) return one_line(*value.document(), Brackets::kObject);
  if (value.type() == BSON_TYPE_ARRAY) return one_line(*value.document(), Brackets::kArray);
  return value.to_json();
}

std::string one_line(const Document& document, Brackets brackets) {
  std::string out;
  for (const Field& each : fields(document)) {
    if (!out.empty()) out += ", ";
    if (brackets == Brackets::kObject) out += json_quote(each.name()) + ": ";
    out += one_line(each);
  }
  if (brackets == Brackets::kArray) return "[" + out + "]";
  return out.empty() ? "{}" : "{ " + out + " }";
}

void indented(std::string& out, const Document& document, Brackets brackets, std::size_t indent);

void indented(std::string& out, const Field& value, std::size_t indent) {
  std::string line = one_line(value);
  const std::optional<Document> inner = value.document();
  if (!inner || indent + line.size() <= kOneLine) {
    out += line;
  } else {
    indented(out, *inner, value.type() == BSON_TYPE_ARRAY ? Brackets::kArray : Brackets::kObject, indent);
  }
}

void indented(std::string& out, const Document& document, Brackets brackets, std::size_t indent) {
  const bool object = brackets == Brackets::kObject;
  out += object ? "{\n" : "[\n";
  bool first = true;
  for (const Field& each : fields(document)) {
    out += fmt::format("{}{:{}}", first ? "" : ",\n", "", indent + 2);
    if (object) out += json_quote(each.name()) + ": ";
    indented(out, each, indent + 2);
    first = false;
  }
  out += fmt::format("\n{:{}}{}", "", indent, object ? "}" : "]");
}

std::string text(const Document& document, Brackets brackets) {
  const std::string line = one_line(document, brackets);
  if (line.size() <= kOneLine) return toml::quoted(line);
  std::string lines;
  indented(lines, document, brackets, 0);
  // Between three apostrophes everything stands for itself, and nothing stands for three of them.
  if (lines.find("'''") != std::string::npos) return toml::quoted(line);
  return fmt::format("'''\n{}'''", lines);
}

}  // namespace

std::string json_text(const Document& document) { return text(document, Brackets::kObject); }
std::string json_array_text(const Document& array) { return text(array, Brackets::kArray); }

std::string seconds_text(std::int64_t seconds) {
  constexpr std::int64_t kLongest = std::int64_t{10'000} * 3600;  // of a duration, base/duration.h
  if (seconds < 0 || seconds > kLongest) return std::to_string(seconds);
  return toml::quoted(format_duration(Millis(seconds * 1000)));
}

std::string number_text(double number) {
  if (std::trunc(number) == number && std::abs(number) < 9e15) {
    return std::to_string(static_cast<std::int64_t>(number));
  }
  return fmt::format("{}", number);
}

std::string collation_text(const Document& collation) {
  std::string out;
  for (const CollationOption& option : kCollationOptions) {
    const std::optional<Field> value = field(collation, option.server);
    if (!value) continue;
    out += fmt::format("{}{} = ", out.empty() ? "" : ", ", option.key.name);
    if (const auto word = value->string()) {
      out += toml::quoted(*word);
    } else if (const auto flag = value->boolean()) {
      out += *flag ? "true" : "false";
    } else {
      out += number_text(value->real().value_or(0));
    }
  }
  return out.empty() ? R"({ locale = "simple" })" : "{ " + out + " }";
}

}  // namespace readygate::schema
