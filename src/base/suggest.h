// "did you mean …": the near miss among known names, for unknown keys, options and values.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace readygate {

// The known name closest to `given` by edit distance (a transposition counts one), or "" when none is near: at most
// one edit for every three letters, and at least one.
std::string_view nearest(std::string_view given, std::span<const std::string_view> known);

// " (did you mean \"x\"?)", or "" when nothing is near.
std::string did_you_mean(std::string_view given, std::span<const std::string_view> known);

}  // namespace readygate
