// What becomes of operations that an earlier holder of the lease has at work when another takes over. The server names
// them by the comment of their command, "readygate:<token>". Pure: asking and ending is the database side's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace readygate::core {

struct Operation {
  std::string command;     // its name: "createIndexes", "collMod", …
  std::string collection;  // that it names
  std::string comment;
};

enum class Treatment {
  kLeave,  // not an earlier holder's, or not on our collections; or a build: an identical one joins it, and another
           // one takes nothing away
  kEnd,    // it takes something away or changes it in place, and could undo what is applied next
  kAwait,  // the rest: what it does is wanted, or at least harmless, and over soon
};

// `token`: ours.
Treatment treatment(const Operation& operation, std::int64_t token, const std::vector<std::string>& collections);

// "readygate:12" -> 12; none: not one of ours.
std::optional<std::int64_t> token_of(std::string_view comment);

}  // namespace readygate::core
