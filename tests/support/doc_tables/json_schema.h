// The JSON Schema of a TOML file, for editors, from the table of keys that the checker reads. Draft 7, which is what
// taplo and with it VS Code's "Even Better TOML" understand.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "toml/keys.h"

namespace readygate {

struct TomlFile {
  std::string_view title;
  std::string_view description;
  toml::Keys keys;
  // Of arrays of arrays, whose items no table of keys describes: the path of the key, and the JSON Schema of an item.
  std::map<std::string, std::string, std::less<>> items = {};
  // Keys of which the first, where it is given, needs all the others.
  std::map<std::string_view, std::vector<std::string_view>, std::less<>> needs = {};
};

// On one line. What is refused as not supported yet is not in it: editors mark it as unknown.
std::string json_schema(const TomlFile& file);

}  // namespace readygate
