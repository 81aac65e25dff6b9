// Extended JSON as a schema file holds it, in a string or in a file of its own, with the places of what is wrong.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/document.h"
#include "toml/keys.h"
#include "toml/tree.h"

namespace readygate::schema {

// A text and where it stands. In a file of its own every byte has a place; in a TOML string only the whole.
struct JsonText {
  std::string text;
  toml::Place place;
  bool own_file = false;

  toml::Place at(std::size_t position) const;              // of a byte, from 0
  toml::Place of_error(const std::string& message) const;  // of a syntax error of libbson
};

// The file that `key` names; a relative path begins at `folder`. `what` begins the sentence of a mistake.
std::optional<JsonText> json_file(const std::string& path, const std::string& key, const std::string& what,
                                  const toml::Place& place, const std::string& folder, toml::Mistakes& mistakes);

// Where each item of the array that is the value of `key`, at the top of a valid object, begins; empty when there is
// none such.
std::vector<std::size_t> items_at(std::string_view json, std::string_view key);

struct JsonItem {
  Document document;
  toml::Place place;
};
// The objects of an array that is not empty. None when there was a mistake.
std::optional<std::vector<JsonItem>> parse_array(const JsonText& json, const std::string& what,
                                                 toml::Mistakes& mistakes);

}  // namespace readygate::schema
