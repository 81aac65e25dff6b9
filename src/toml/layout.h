// A TOML file as its author laid it out: every header, every key with the text of its value, and every comment where it
// stands. What toml++ gives (tree.h) is the meaning without the layout; this is the layout without the meaning, for
// `readygate fmt`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace readygate::toml {

// Whole-line comments ("# …", nothing after the last character) and blank lines ("") before something, in their order.
using Lines = std::vector<std::string>;

struct LaidOutEntry {
  Lines before;
  std::vector<std::string> path;  // the parts of the key, without quotes and escapes
  std::string value;              // as it is written, comments and line feeds in it included
  std::string comment;            // behind it on its last line, or ""
};

struct LaidOutTable {
  Lines before;
  std::vector<std::string> path;  // empty for what stands before the first header
  bool array = false;             // [[…]]
  std::string comment;            // behind the header
  std::vector<LaidOutEntry> entries;
  Lines after;  // comments right behind the last key, where a blank line or the end of the file comes next
};

struct Layout {
  Lines top;  // what speaks of the whole file: up to the last blank line before the first key or header, and "#:schema"
  std::vector<LaidOutTable> tables;  // the first has no header
  Lines end;                         // after everything
};

// Of a text that parse() takes; of any other, something or other.
Layout layout_of(std::string_view text);

// The items of an array, or of an inline table with their keys, as they are written. Of a value that begins with "[" or
// "{" and has no comment in it.
struct Item {
  std::vector<std::string> path;  // of an inline table's
  std::string value;
};
std::vector<Item> items_of(std::string_view value);

// Whether a comment stands in the value, between its brackets.
bool has_comment(std::string_view value);

}  // namespace readygate::toml
