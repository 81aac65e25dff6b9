// What a schema made in its database, as its ledger remembers: only that may ever be hidden or dropped.
#pragma once

#include <string>
#include <vector>

namespace readygate::schema {

struct Owns {
  std::string collection;
  std::vector<std::string> indexes;
  bool created = false;  // the collection itself
  bool operator==(const Owns&) const = default;
};

}  // namespace readygate::schema
