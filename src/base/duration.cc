#include "base/duration.h"

#include <array>
#include <charconv>
#include <cstdint>

#include <fmt/format.h>

namespace readygate {
namespace {

struct Unit {
  std::string_view suffix;
  std::int64_t millis;
};

// Largest first: format_duration takes the first that divides evenly.
constexpr std::array kUnits = {Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1'000}, Unit{"ms", 1}};
constexpr std::int64_t kMaxMillis = 10'000 * std::int64_t{3'600'000};

}  // namespace

std::optional<Millis> parse_duration(std::string_view text) {
  std::int64_t count = 0;
  const char* end = text.data() + text.size();
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  const auto [rest, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view suffix(rest, static_cast<std::size_t>(end - rest));
  for (const Unit& unit : kUnits) {
    if (suffix != unit.suffix) continue;
    if (count > kMaxMillis / unit.millis) return std::nullopt;
    return Millis(count * unit.millis);
  }
  return std::nullopt;
}

std::string format_duration(Millis duration) {
  const std::int64_t count = duration.count();
  if (count == 0) return "0s";
  for (const Unit& unit : kUnits) {
    if (count % unit.millis == 0) return fmt::format("{}{}", count / unit.millis, unit.suffix);
  }
  return fmt::format("{}ms", count);
}

}  // namespace readygate
