// What no catalog shows, tried out in a scratch collection: whether what the server stores is also enforced. Pure: here
// is what to send and what to expect; mongo/prober.h sends it. Not tried: TTL, whose documents go when the server gets
// to it, at best within a minute; and whatever the catalog shows, which a plan compares.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/plan.h"
#include "schema/schema.h"

namespace readygate::schema {

struct Trial {
  enum class Expect {
    kDone,      // makes what is tried: a server that refuses this says so itself, and nothing is to be found out
    kAccepted,  // a document that the rule lets pass
    kRefused,   // one that it does not
  };
  Document command;
  Expect expect;
};

enum class Rule { kValidator, kJsonSchema, kUnique, kPartialUnique, kSparseUnique, kCollatedUnique };

struct Probe {
  Rule rule;
  std::vector<Trial> trials;  // in this order, on a collection that is not there before
};

// One for each rule that the schema relies on.
std::vector<Probe> probes(const Schema& schema, const std::string& scratch);

struct Tried {
  Rule rule;
  bool enforced;
};
// Adds a finding for each declared object that relies on a rule which the server does not enforce.
void report_tried(const Schema& schema, const Server& server, const std::vector<Tried>& tried, Plan& plan);

}  // namespace readygate::schema
