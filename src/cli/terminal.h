// What standard output wants.
#pragma once

namespace readygate::cli {

// It is a terminal, and NO_COLOR is not set to anything (https://no-color.org).
bool colour_wanted();

}  // namespace readygate::cli
