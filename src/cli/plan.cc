// `readygate plan`: what `run` would change, from one reading of the database or from a file. Nothing is
// written, but for what --probe tries out.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/database.h"
#include "cli/exit_code.h"
#include "cli/inputs.h"
#include "cli/terminal.h"
#include "core/ledger.h"
#include "core/server_codes.h"
#include "mongo/catalog_reader.h"
#include "mongo/ledger_store.h"
#include "mongo/privilege_reader.h"
#include "mongo/prober.h"
#include "schema/declared_catalog.h"
#include "schema/plan.h"
#include "schema/privileges.h"
#include "schema/probes.h"

namespace readygate::cli {
namespace {

struct Reading {
  std::optional<core::Ledger> ledger;
  schema::Catalog catalog;
  std::optional<std::vector<schema::Privilege>> privileges;  // none: the server does not say
  std::vector<schema::Tried> tried;
};

// Why a reading was refused is among the privileges: they are named beside the server's own sentence.
core::Failure explained(core::Failure failure, const Inputs& inputs, mongo::Client& client, schema::Probing probing) {
  if (!core::said(failure, core::code::kUnauthorized)) return failure;
  if (const auto granted = mongo::read_privileges(client)) {
    fmt::print(stderr, "{}", render_text(missing_privileges(*granted, inputs.schema, {}, probing)));
  }
  return failure;
}

tl::expected<Reading, core::Failure> read(const Inputs& inputs, schema::Probing probing) {
  const schema::Schema& schema = inputs.schema;
  auto pool = open_database(inputs.config.settings);
  if (!pool) return tl::unexpected(std::move(pool.error()));
  mongo::Client client = (*pool)->take();
  const auto failed = [&](core::Failure failure) {
    return tl::unexpected(explained(std::move(failure), inputs, client, probing));
  };
  const mongo::LedgerPlace place{schema.database, schema.name};
  const std::vector<std::string> names = schema::declared_names(schema);
  auto ledger = mongo::read_ledger(client, place);
  if (!ledger) return failed(std::move(ledger.error()));
  auto catalog = mongo::read_catalog(client, schema.database, {names, true});
  if (!catalog) return failed(std::move(catalog.error()));
  auto owners = mongo::read_owners(client, place, names);
  if (!owners) return failed(std::move(owners.error()));
  Reading reading{std::move(ledger->ledger), std::move(catalog->catalog), mongo::read_privileges(client), {}};
  reading.catalog.owned_elsewhere = std::move(*owners);
  if (probing == schema::Probing::kYes) {
    SystemRandom random;
    auto tried = mongo::probe(client, schema, SystemClock().wall(), random);
    if (!tried) return failed(std::move(tried.error()));
    reading.tried = std::move(*tried);
  }
  return reading;
}

// What the ledger says that the catalog cannot: whether `run` would apply at all.
std::string remark(const Reading& reading, const schema::Schema& schema) {
  switch (core::standing(reading.ledger, schema)) {
    case core::Standing::kNotRaised:
      return fmt::format(
          "Version {} of schema {} was applied with other declarations; `run` refuses until `version` is "
          "raised.",
          schema.version, schema.name);
    case core::Standing::kNewer:
      return fmt::format("The database holds a newer version of schema {}; `run` changes nothing with version {}.",
                         schema.name, schema.version);
    case core::Standing::kApplied:
    case core::Standing::kNeeded: return {};
  }
  return {};
}

bool nothing_to_do(const schema::Plan& plan) {
  return plan.empty() && plan.withheld.empty() &&
         std::none_of(plan.findings.begin(), plan.findings.end(),
                      [](const schema::Finding& each) { return in_the_way(each.kind); });
}

void print_summary(const schema::Plan& plan, const schema::Schema& schema, const std::string& place) {
  if (nothing_to_do(plan)) {
    fmt::print("No changes: {} matches schema {} version {}.\n", place, schema.name, schema.version);
    return;
  }
  fmt::print("{} change{} to {}", plan.steps.size(), plan.steps.size() == 1 ? "" : "s", place);
  if (!plan.withheld.empty()) fmt::print(", {} withheld", plan.withheld.size());
  fmt::print(".\n");
}

int show(const schema::Plan& plan, const CommandLine& line, const schema::Schema& schema, const std::string& place,
         const std::string& note, const schema::Server* server = nullptr,
         const std::optional<std::vector<schema::Missing>>& missing = std::nullopt) {
  if (line.format == OutputFormat::kJson) {
    const auto privileges = missing ? std::optional(render_json(*missing)) : std::nullopt;
    fmt::print("{}\n", schema::render_json(plan, privileges, server));
  } else {
    const schema::Colour colour = colour_wanted() ? schema::Colour::kOn : schema::Colour::kOff;
    fmt::print("{}", schema::render_text(plan, colour, schema::Detail::kFull));
    if (missing) fmt::print("{}", render_text(*missing));
    if (!note.empty()) fmt::print("{}\n", note);
    print_summary(plan, schema, place);
  }
  return nothing_to_do(plan) ? kExitOk : kExitChanges;
}

// No database, and so no ledger: what two files differ in.
int plan_against(const CommandLine& line) {
  const auto inputs = load_inputs(line, config::NeedUri::kNo);
  if (!inputs) return report(inputs.error(), line.format);
  const auto other = schema::load(line.against);
  if (!other) return report(other.error(), line.format);
  return show(diff(inputs->schema, catalog_of(*other)), line, inputs->schema, line.against, "");
}

}  // namespace

int plan(const CommandLine& line) {
  if (!line.against.empty()) return plan_against(line);
  const auto inputs = load_inputs(line, config::NeedUri::kYes);
  if (!inputs) return report(inputs.error(), line.format);
  const schema::Probing probing = line.probe ? schema::Probing::kYes : schema::Probing::kNo;
  const auto reading = read(*inputs, probing);
  if (!reading) return report(reading.error());
  const schema::Schema& schema = inputs->schema;
  const auto owns = reading->ledger ? reading->ledger->owns : std::vector<schema::Owns>();
  schema::Plan found = diff(schema, reading->catalog, owns);
  report_tried(schema, reading->catalog.server, reading->tried, found);
  std::optional<std::vector<schema::Missing>> missing;
  if (reading->privileges) {
    missing = missing_privileges(*reading->privileges, schema, reading->catalog.server, probing);
  }
  return show(found, line, schema, fmt::format("database {}", schema.database), remark(*reading, schema),
              &reading->catalog.server, missing);
}

}  // namespace readygate::cli
