#include "core/earlier.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace readygate::core {
namespace {

constexpr std::string_view kMark = "readygate:";
constexpr std::array<std::string_view, 4> kTakesAway = {"collMod", "dropIndexes", "deleteIndexes", "drop"};

}  // namespace

std::optional<std::int64_t> token_of(std::string_view comment) {
  if (!comment.starts_with(kMark)) return std::nullopt;
  comment.remove_prefix(kMark.size());
  const char* end = comment.data() + comment.size();
  std::int64_t token = 0;
  const auto [stop, error] = std::from_chars(comment.data(), end, token);
  if (error != std::errc{} || stop != end || token < 0) return std::nullopt;
  return token;
}

Treatment treatment(const Operation& operation, std::int64_t token, const std::vector<std::string>& collections) {
  const auto theirs = token_of(operation.comment);
  if (!theirs || *theirs >= token) return Treatment::kLeave;
  // The comment does not name the schema, and each has tokens of its own.
  if (std::find(collections.begin(), collections.end(), operation.collection) == collections.end()) {
    return Treatment::kLeave;
  }
  if (operation.command == "createIndexes") return Treatment::kLeave;
  const bool ends = std::find(kTakesAway.begin(), kTakesAway.end(), operation.command) != kTakesAway.end();
  return ends ? Treatment::kEnd : Treatment::kAwait;
}

}  // namespace readygate::core
