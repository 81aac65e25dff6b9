#include "schema/json_source.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <string_view>

#include <fmt/format.h>

#include "schema/fields.h"
#include "schema/sources.h"

namespace readygate::schema {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Where each item of the array that the text begins with begins, in a text that is known to be valid JSON.
std::vector<std::size_t> items_of(std::string_view json) {
  std::vector<std::size_t> begins;
  int depth = 0;
  bool in_string = false;
  bool expected = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
      continue;
    }
    if (is_space(c)) continue;
    if (depth == 1 && expected && c != ']') {
      begins.push_back(i);
      expected = false;
    }
    if (c == '"') in_string = true;
    if (c == '[' || c == '{') expected = ++depth == 1;
    if ((c == ']' || c == '}') && --depth == 0) break;
    if (c == ',' && depth == 1) expected = true;
  }
  return begins;
}

// Behind the string that begins at `i`.
std::size_t string_end(std::string_view json, std::size_t i) {
  for (++i; i < json.size() && json[i] != '"'; ++i) {
    if (json[i] == '\\') ++i;
  }
  return std::min(i + 1, json.size());
}

}  // namespace

std::vector<std::size_t> items_at(std::string_view json, std::string_view key) {
  int depth = 0;
  for (std::size_t i = 0; i < json.size();) {
    if (json[i] != '"') {
      if (json[i] == '{' || json[i] == '[') ++depth;
      if (json[i] == '}' || json[i] == ']') --depth;
      ++i;
      continue;
    }
    const std::size_t end = string_end(json, i);
    const bool found = depth == 1 && json.substr(i + 1, end - i - 2) == key;
    i = end;
    while (i < json.size() && is_space(json[i])) ++i;
    if (!found || i == json.size() || json[i] != ':') continue;
    ++i;
    while (i < json.size() && is_space(json[i])) ++i;
    if (i == json.size() || json[i] != '[') return {};
    std::vector<std::size_t> begins = items_of(json.substr(i));
    for (std::size_t& begin : begins) begin += i;
    return begins;
  }
  return {};
}

toml::Place JsonText::at(std::size_t position) const {
  if (!own_file) return place;
  position = std::min(position, text.size());
  const std::size_t line_start = position == 0 ? std::string::npos : text.rfind('\n', position - 1);
  const auto lines = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(position), '\n');
  const std::size_t column = line_start == std::string::npos ? position : position - line_start - 1;
  return toml::Place{place.file, static_cast<std::uint32_t>(lines + 1), static_cast<std::uint32_t>(column + 1)};
}

// libbson says "… position 17: …" in a syntax error.
toml::Place JsonText::of_error(const std::string& message) const {
  constexpr std::string_view kMark = "position ";
  const std::size_t mark = message.find(kMark);
  std::size_t position = 0;
  if (mark == std::string::npos) return place;
  std::from_chars(message.data() + mark + kMark.size(), message.data() + message.size(), position);
  return at(position);
}

std::optional<JsonText> json_file(const std::string& path, const std::string& key, const std::string& what,
                                  const toml::Place& place, const std::string& folder, toml::Mistakes& mistakes) {
  if (path.find('\0') != std::string::npos) {
    mistakes.push_back({place, Reason::kSchemaInvalid, fmt::format("{} must not hold a NUL byte", key)});
    return std::nullopt;
  }
  const std::string full = (std::filesystem::path(folder) / path).string();
  auto text = read_file(full, what, place);
  if (!text) {
    mistakes.push_back(std::move(text.error()));
    return std::nullopt;
  }
  return JsonText{std::move(*text), toml::Place{full, 0, 0}, true};
}

std::optional<std::vector<JsonItem>> parse_array(const JsonText& json, const std::string& what,
                                                 toml::Mistakes& mistakes) {
  const auto add = [&](toml::Place place, std::string message) {
    mistakes.push_back({std::move(place), Reason::kSchemaInvalid, std::move(message)});
  };
  const Result<Document> array = Document::from_json(json.text);
  const std::size_t first = json.text.find_first_not_of(" \t\r\n");
  if (!array) {
    add(json.of_error(array.error().message), fmt::format("{} is not Extended JSON: {}", what, array.error().message));
    return std::nullopt;
  }
  if (first == std::string::npos || json.text[first] != '[') {
    add(json.at(0), fmt::format("{} must be a JSON array: [ {{ … }}, … ]", what));
    return std::nullopt;
  }
  const std::vector<Field> all = fields(*array);
  if (all.empty()) {
    add(json.at(first), fmt::format("{} must not be empty", what));
    return std::nullopt;
  }
  const std::vector<std::size_t> begins = items_of(json.text);
  std::vector<JsonItem> items;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const toml::Place place = json.at(i < begins.size() ? begins[i] : 0);
    if (all[i].type() != BSON_TYPE_DOCUMENT) {
      add(place, fmt::format("item {} of {} must be a JSON object", i + 1, what));
    } else {
      items.push_back({*all[i].document(), place});
    }
  }
  if (items.size() != all.size()) return std::nullopt;
  return items;
}

}  // namespace readygate::schema
