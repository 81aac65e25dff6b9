// What a schema made in its database, as its ledger remembers: only that may ever be hidden or dropped.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace readygate::schema {

struct Owns {
  std::string collection;
  std::vector<std::string> indexes;
  bool created = false;  // the collection itself
  bool operator==(const Owns&) const = default;
};

// Of this collection; null: nothing of it. `all` is const or not, and so is what is found.
template <typename All>
auto* find_owned(All& all, std::string_view collection) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Owns& owns) { return owns.collection == collection; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace readygate::schema
