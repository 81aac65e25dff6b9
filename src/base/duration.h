// Durations as people write them: a whole number and a unit, "250ms", "30s", "10m", "2h". A bare number is refused:
// nobody remembers whose unit it is.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace readygate {

// From "0ms" to 10000h; nothing else, no sign, no fraction, no space.
std::optional<Millis> parse_duration(std::string_view text);

// The shortest exact form: 90000 ms is "90s", 120000 ms is "2m". parse_duration gives it back.
std::string format_duration(Millis duration);

}  // namespace readygate
