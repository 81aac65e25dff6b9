// Text that somebody else chose, for a terminal or a comment: names come from a database that anybody may have written
// to.
#pragma once

#include <string>
#include <string_view>

namespace readygate {

// On one line: what a terminal would obey is written as an escape of JSON ("\u001b"), bytes that are not UTF-8 as
// "\ufffd". Everything else, quotes and backslashes too, stands as it is.
std::string printable(std::string_view text);

}  // namespace readygate
