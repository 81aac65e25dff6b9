// `readygate plan`: what `run` would change, from one reading of the database; nothing is written.
#include <cstdio>
#include <cstdlib>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/inputs.h"
#include "core/ledger.h"
#include "mongo/catalog_reader.h"
#include "mongo/driver.h"
#include "mongo/ledger_store.h"
#include "mongo/pool.h"
#include "schema/plan.h"

namespace readygate::cli {
namespace {

struct Reading {
  std::optional<core::Ledger> ledger;
  schema::Catalog catalog;
};

tl::expected<Reading, core::Failure> read(const Inputs& inputs) {
  mongo::Settings settings;
  settings.uri = inputs.config.settings.mongodb.uri;
  settings.database = inputs.schema.database;
  settings.schema_name = inputs.schema.name;
  settings.connect_timeout = inputs.config.settings.mongodb.connect_timeout;
  const auto driver = mongo::Driver::start([](LogLevel, std::string_view) {});
  auto pool = mongo::Pool::open(driver, settings, {});
  if (!pool) return tl::unexpected(pool.error());
  mongo::Client client = (*pool)->take();
  auto ledger = mongo::read_ledger(client, {inputs.schema.database, inputs.schema.name});
  if (!ledger) return tl::unexpected(ledger.error());
  auto catalog = mongo::read_catalog(client, inputs.schema.database, {schema::declared_names(inputs.schema), true});
  if (!catalog) return tl::unexpected(catalog.error());
  return Reading{std::move(ledger->ledger), std::move(catalog->catalog)};
}

bool colour_wanted() {
  return ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;  // NOLINT(concurrency-mt-unsafe)
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

}  // namespace

int plan(const CommandLine& line) {
  const auto inputs = load_inputs(line, config::NeedUri::kYes);
  if (!inputs) return report(inputs.error(), line.format);
  const auto reading = read(*inputs);
  if (!reading) {
    const core::Judgement judgement = core::judge(reading.error());
    fmt::print(stderr, "readygate: {}: {}\n", name(judgement.reason), judgement.sentence);
    return exit_code(judgement.reason);
  }
  const schema::Plan plan = schema::diff(inputs->schema, reading->catalog);
  const bool conflict = plan.first(schema::FindingKind::kConflict) != nullptr;
  if (line.format == OutputFormat::kJson) {
    fmt::print("{}\n", schema::render_json(plan));
  } else {
    fmt::print("{}", schema::render_text(plan, colour_wanted() ? schema::Colour::kOn : schema::Colour::kOff));
    if (const std::string note = remark(*reading, inputs->schema); !note.empty()) fmt::print("{}\n", note);
    if (plan.empty() && !conflict) {
      fmt::print("No changes. Database {} matches schema {} version {}.\n", inputs->schema.database,
                 inputs->schema.name, inputs->schema.version);
    } else {
      fmt::print("{} change{} to database {}.\n", plan.steps.size(), plan.steps.size() == 1 ? "" : "s",
                 inputs->schema.database);
    }
  }
  return plan.empty() && !conflict ? kExitOk : kExitChanges;
}

}  // namespace readygate::cli
