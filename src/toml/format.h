// TOML text in one form, whoever wrote it, with the same meaning and every comment: `readygate fmt`.
//
// - Keys in the order of the table of keys; tables ([policy]) before arrays of tables, which stay in their order.
// - One blank line between tables, none between keys; tables within tables indented by two.
// - "text" in quotes, or in apostrophes where that saves escapes; numbers, and strings over several lines, as they are.
// - An array on one line where it fits into 100 columns, else one item a line. One that holds a comment or a string
// over
//   several lines is left as it is.
// - A whole-line comment stays before what follows it, or at the end of its table when a blank line comes after it; one
//   behind a value stays behind it. Comments before the first blank line of the file stay at its top.
#pragma once

#include <string>
#include <string_view>

#include "toml/keys.h"
#include "toml/tree.h"

namespace readygate::toml {

// Idempotent. `file` is only a name for places. Fails with the mistakes of parse(); keys that `keys` does not know are
// no mistake here, they come after the others.
tl::expected<std::string, Mistakes> format(std::string_view text, const std::string& file, Keys keys);

// Whether two tables say the same, wherever and in whatever order of keys.
bool same(const Table& a, const Table& b);

}  // namespace readygate::toml
