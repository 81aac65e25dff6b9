// `readygate plan`: what `run` would change, from one reading of the database or from a file; nothing is written.
#include <cstdio>
#include <cstdlib>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/database.h"
#include "cli/exit_code.h"
#include "cli/inputs.h"
#include "core/ledger.h"
#include "mongo/catalog_reader.h"
#include "mongo/ledger_store.h"
#include "schema/declared_catalog.h"
#include "schema/plan.h"

namespace readygate::cli {
namespace {

struct Reading {
  std::optional<core::Ledger> ledger;
  schema::Catalog catalog;
};

tl::expected<Reading, core::Failure> read(const Inputs& inputs) {
  const schema::Schema& schema = inputs.schema;
  auto pool = open_database(inputs.config.settings, schema.database, schema.name);
  if (!pool) return tl::unexpected(std::move(pool.error()));
  mongo::Client client = (*pool)->take();
  auto ledger = mongo::read_ledger(client, {schema.database, schema.name});
  if (!ledger) return tl::unexpected(ledger.error());
  auto catalog = mongo::read_catalog(client, schema.database, {schema::declared_names(schema), true});
  if (!catalog) return tl::unexpected(catalog.error());
  return Reading{std::move(ledger->ledger), std::move(catalog->catalog)};
}

bool colour_wanted() {
  const char* refused = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe): https://no-color.org
  return ::isatty(STDOUT_FILENO) == 1 && (refused == nullptr || *refused == '\0');
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

void print_summary(const schema::Plan& plan, const schema::Schema& schema, const std::string& place) {
  const bool in_the_way = plan.first(schema::FindingKind::kConflict) != nullptr || !plan.withheld.empty();
  if (plan.empty() && !in_the_way) {
    fmt::print("No changes: {} matches schema {} version {}.\n", place, schema.name, schema.version);
    return;
  }
  fmt::print("{} change{} to {}", plan.steps.size(), plan.steps.size() == 1 ? "" : "s", place);
  if (!plan.withheld.empty()) fmt::print(", {} withheld", plan.withheld.size());
  fmt::print(".\n");
}

int show(const schema::Plan& plan, const CommandLine& line, const schema::Schema& schema, const std::string& place,
         const std::string& note) {
  if (line.format == OutputFormat::kJson) {
    fmt::print("{}\n", schema::render_json(plan));
  } else {
    const schema::Colour colour = colour_wanted() ? schema::Colour::kOn : schema::Colour::kOff;
    fmt::print("{}", schema::render_text(plan, colour, schema::Detail::kFull));
    if (!note.empty()) fmt::print("{}\n", note);
    print_summary(plan, schema, place);
  }
  const bool done = plan.empty() && plan.withheld.empty() && plan.first(schema::FindingKind::kConflict) == nullptr;
  return done ? kExitOk : kExitChanges;
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
  const auto reading = read(*inputs);
  if (!reading) return report(reading.error());
  const schema::Schema& schema = inputs->schema;
  const auto owns = reading->ledger ? reading->ledger->owns : std::vector<schema::Owns>();
  return show(diff(schema, reading->catalog, owns), line, schema, fmt::format("database {}", schema.database),
              remark(*reading, schema));
}

}  // namespace readygate::cli
