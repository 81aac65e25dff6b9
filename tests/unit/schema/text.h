// Short ways to say a schema and a catalog in a test.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <doctest/doctest.h>

#include "schema/catalog.h"
#include "schema/schema.h"

namespace readygate::schema {

inline constexpr std::string_view kTestHead = "schema = 'test'\ndatabase = 'db'\nversion = 3\n";  // three lines

// What parse() says about the text after the head, so that it begins on line 4. "" when it is valid.
inline std::string mistakes_of(const std::string& text) {
  const auto schema = parse(std::string(kTestHead) + text, "s.toml", "");
  return schema ? "" : toml::to_string(schema.error());
}

inline Schema schema_of(const std::string& text) {
  auto schema = parse(std::string(kTestHead) + text, "s.toml", "");
  INFO((schema ? std::string() : toml::to_string(schema.error())));
  REQUIRE(schema);
  return std::move(*schema);
}

inline Document json(std::string_view text) {
  auto document = Document::from_json(text);
  REQUIRE(document);
  return std::move(*document);
}

}  // namespace readygate::schema
