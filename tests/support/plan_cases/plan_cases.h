// The table of (from, to) pairs with the steps that lead from one to the other: tests/plans/*.toml, the same for the
// pure planner, the scripted server and a real one. tests/plans/README.md says what a case holds.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "schema/owns.h"
#include "schema/plan.h"
#include "schema/schema.h"

namespace readygate::test {

struct PlanCase {
  std::string file;
  std::string name;
  std::string product = "mongodb";  // that the expectations are about
  std::string version = "8.0.4";
  std::string from;                  // a schema, applied first with contract = "apply"; "": nothing is there
  std::vector<std::string> prepare;  // then commands in Extended JSON: what no schema would do
  std::string to;                    // the schema that is planned
  std::vector<schema::Owns> owns;
  std::vector<std::string> steps;     // described(step)
  std::vector<std::string> withheld;  // likewise
  std::vector<std::string> findings;  // described(finding)
  std::string fails;                  // what the failure of a step must hold; "": all of them pass
  std::string left;                   // a plan's first step after the failure, or ""
  std::vector<std::string> needs;     // of a real server; the names are those of support/engine/capabilities.py
};

// Every case of every file; fails the test when one is not understood.
std::vector<PlanCase> plan_cases();

// Runs each case, whatever became of those before it: what ends a case, a failed REQUIRE or an exception, does not end
// the table. Says which did not come to their end, and why: the caller checks that there are none.
std::vector<std::string> for_each_plan_case(const std::function<void(const PlanCase&)>& run);

// The schema of a case: `body` under a head with this database.
schema::Schema schema_of_case(const PlanCase& each, const std::string& body, const std::string& database);

// "c: create index x (contract, destructive, scans)"; what is usual (expand, additive, instant) is not said.
std::string described(const schema::Step& step);
// "conflict c x unique": the kind, the collection, the object and the option, those that there are.
std::string described(const schema::Finding& finding);

// One a line: a comparison that fails shows both sides whole.
inline std::string lines(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& line : all) text += line + "\n";
  return text;
}
template <typename All>
std::string lines_of(const All& all) {  // of steps, or findings
  std::string text;
  for (const auto& each : all) text += described(each) + "\n";
  return text;
}

}  // namespace readygate::test
