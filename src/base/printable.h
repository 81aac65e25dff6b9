// Text that somebody else chose, for a terminal or a comment: names come from a database that anybody may have written
// to.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace readygate {

// On one line: what a terminal would obey is written as an escape of JSON ("\u001b"), bytes that are not UTF-8 as
// "\ufffd". Everything else, quotes and backslashes too, stands as it is.
std::string printable(std::string_view text);

// Of UTF-8 at most so many bytes, and "…" where more was there; cut between characters.
std::string shortened(std::string_view text, std::size_t bytes);

}  // namespace readygate
