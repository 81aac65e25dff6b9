// The table of plans (tests/plans) against a server: what is planned is sent, and afterwards the plan is empty.
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "rig.h"
#include "support/plan_cases/plan_cases.h"

namespace readygate::mongo::testing {
namespace {

schema::Catalog read(Bench& bench, const schema::Schema& schema) {
  return expect<core::CatalogRead>(bench.run(core::ReadCatalog{schema::declared_names(schema), true})).catalog;
}

// Why the expectations are not about a server like this one; "" when they are.
std::string why_not(const test::PlanCase& each, const schema::Server& server) {
  for (const std::string& name : each.needs) {
    if (lacks(name)) return "the server lacks " + name;
  }
  const bool any = each.product == "mongodb" && each.version == test::PlanCase().version;  // not said in the case
  const bool same_version = server.product != "mongodb" || each.version == server.version;
  return any || (each.product == server.product && same_version) ? "" : "it is about another server";
}

void carry_out(Bench& bench, const std::vector<schema::Step>& steps) {
  for (const schema::Step& step : steps) {
    CAPTURE(step.what);
    expect<core::Done>(bench.run(core::RunStep{step, 1, std::nullopt}));
  }
}

// The steps until one fails; its message.
std::string failure(Bench& bench, const std::vector<schema::Step>& steps) {
  for (const schema::Step& step : steps) {
    const core::Outcome outcome = bench.run(core::RunStep{step, 1, std::nullopt});
    if (!outcome) return outcome.error().message;
  }
  return "";
}

// Of a server that does not show builds: that it takes what it is asked for again, whatever kind of index that is. It
// is no part of a case.
void ask_again(Bench& bench, schema::Plan& plan) {
  carry_out(bench, plan.unproven);
  std::erase_if(plan.findings,
                [](const schema::Finding& finding) { return finding.kind == schema::FindingKind::kUnproven; });
}

void run(const test::PlanCase& each, const TestDatabase& database, Bench& bench) {
  schema::Schema from = test::schema_of_case(each, each.from, database.name());
  from.policy.contract = schema::Policy::Contract::kApply;
  carry_out(bench, schema::diff(from, read(bench, from)).steps);
  for (const std::string& command : each.prepare) database.command(command);
  const schema::Schema to = test::schema_of_case(each, each.to, database.name());
  schema::Plan plan = schema::diff(to, read(bench, to), each.owns);
  ask_again(bench, plan);
  CHECK(test::lines_of(plan.steps) == test::lines(each.steps));
  CHECK(test::lines_of(plan.withheld) == test::lines(each.withheld));
  CHECK(test::lines_of(plan.findings) == test::lines(each.findings));
  if (!each.fails.empty()) {
    const std::string message = failure(bench, plan.steps);
    CAPTURE(message);
    CHECK(message.find(each.fails) != std::string::npos);
    const schema::Plan left = schema::diff(to, read(bench, to), each.owns);
    REQUIRE(!left.steps.empty());
    CHECK(test::described(left.steps.front()) == each.left);
    return;
  }
  carry_out(bench, plan.steps);
  schema::Plan second = schema::diff(to, read(bench, to), each.owns);
  ask_again(bench, second);
  CHECK(test::lines_of(second.steps) == "");
  CHECK(test::lines_of(second.withheld) == test::lines(each.withheld));
}

TEST_CASE("the table of plans, on this server") {
  const char* uri = test_uri();
  if (!uri) return;
  std::size_t ran = 0;
  std::size_t skipped = 0;
  // libmongoc's monitors take up to a second to end. Meanwhile the next case runs.
  std::vector<std::future<void>> ending;
  const auto end = [&ending](Bench* bench) {
    ending.push_back(std::async(std::launch::async, [bench] { delete bench; }));
  };
  const std::vector<std::string> ended = test::for_each_plan_case([&](const test::PlanCase& each) {
    const TestDatabase database(uri);
    const std::unique_ptr<Bench, decltype(end)> bench(new Bench(database.settings()), end);
    const auto server = expect<core::CatalogRead>(bench->run(core::ReadCatalog{})).catalog.server;
    if (const std::string why = why_not(each, server); !why.empty()) {
      MESSAGE("skipped: " << each.name << ": " << why);
      ++skipped;
      return;
    }
    ++ran;
    run(each, database, *bench);
  });
  MESSAGE("plans: " << ran << " ran, " << ended.size() << " of them not to their end; " << skipped
                    << " are not for this server");
  CHECK(test::lines(ended) == "");
  CHECK(ran >= 30);
}

}  // namespace
}  // namespace readygate::mongo::testing
