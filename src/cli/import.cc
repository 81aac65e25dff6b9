// `readygate import`: the schema file of a live database. Where a schema is applied to it already, the file goes on
// with that one: another name would be another schema, to which the collections do not belong.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/printable.h"
#include "cli/commands.h"
#include "cli/database.h"
#include "cli/exit_code.h"
#include "cli/inputs.h"
#include "cli/output_file.h"
#include "core/ledger.h"
#include "core/server_codes.h"
#include "mongo/catalog_reader.h"
#include "mongo/ledger_store.h"
#include "schema/names.h"
#include "schema/writer.h"

namespace readygate::cli {
namespace {

struct ImportReading {
  schema::Catalog catalog;
  std::vector<core::Ledger> ledgers;
};

// Without the right to look at them no schema is known, and its user is told so.
tl::expected<std::vector<core::Ledger>, core::Failure> known_ledgers(mongo::Client& client,
                                                                     const std::string& database) {
  auto ledgers = mongo::read_ledgers(client, database);
  if (ledgers || !core::said(ledgers.error(), core::code::kUnauthorized)) return ledgers;
  fmt::print(stderr,
             "readygate: not allowed to read {}: whether a schema is applied to the database {} is not known, and the "
             "file's name and version are made up\n",
             core::kControlCollection, database);
  return std::vector<core::Ledger>();
}

tl::expected<ImportReading, core::Failure> read(const config::Settings& settings, const std::string& database) {
  auto pool = open_database(settings);
  if (!pool) return tl::unexpected(std::move(pool.error()));
  mongo::Client client = (*pool)->take();
  auto names = mongo::collection_names(client, database);
  if (!names) return tl::unexpected(std::move(names.error()));
  auto ledgers = known_ledgers(client, database);
  if (!ledgers) return tl::unexpected(std::move(ledgers.error()));
  // The server's own can be unreadable for the user.
  std::erase_if(*names, [](const std::string& name) { return !schema::written(name); });
  auto catalog = mongo::read_catalog(client, database, {std::move(*names)});
  if (!catalog) return tl::unexpected(std::move(catalog.error()));
  return ImportReading{std::move(catalog->catalog), std::move(*ledgers)};
}

// The one that the file goes on with; null: there is none. Where there are several, the one that has the name which the
// database gives, else the first.
const core::Ledger* chosen(const std::vector<core::Ledger>& ledgers, const std::string& database) {
  const auto named = std::find_if(ledgers.begin(), ledgers.end(), [&](const core::Ledger& each) {
    return each.id == schema::schema_name_for(database);
  });
  if (named != ledgers.end()) return &*named;
  return ledgers.empty() ? nullptr : ledgers.data();
}

std::vector<schema::ForeignOwner> foreign_owners(const std::vector<core::Ledger>& ledgers,
                                                 const core::Ledger* but_for) {
  std::vector<schema::ForeignOwner> found;
  for (const core::Ledger& each : ledgers) {
    if (&each == but_for) continue;
    for (const schema::Owns& owns : each.owns) {
      if (owns.created) found.push_back({owns.collection, each.id});
    }
  }
  return found;
}

// A file with the version that is applied is refused when it declares anything else.
schema::Written compose(const ImportReading& reading, const std::string& database, const core::Ledger* ledger) {
  schema::Head head{database};
  if (ledger == nullptr) return schema::write_schema(reading.catalog, head);
  head.schema = ledger->id;
  if (ledger->applied) {
    head.version = ledger->applied->version;
    head.min_open = ledger->applied->min_open;
  }
  if (ledger->target) head.version = std::max(head.version, ledger->target->version);
  schema::Written written = schema::write_schema(reading.catalog, head);
  const auto schema = schema::parse(written.toml, "import", "");
  if (!schema || core::standing(*ledger, *schema) != core::Standing::kNotRaised) return written;
  head.version = std::min(head.version, std::numeric_limits<std::int32_t>::max() - 1) + 1;
  return schema::write_schema(reading.catalog, head);
}

void say_ledger(const core::Ledger& ledger, const std::string& database) {
  const std::string version =
      ledger.applied ? fmt::format("version {} is applied", ledger.applied->version) : "no version is applied yet";
  fmt::print(stderr, "readygate: the database {} has the schema {}, of which {}: the file goes on with it\n", database,
             ledger.id, version);
}

}  // namespace

int import_schema(const CommandLine& line) {
  const auto settled = config::settle(given(line), config::NeedUri::kYes);
  if (!settled) return report(settled.error(), OutputFormat::kText);
  const config::Settings& settings = settled->settings;
  const std::string& database = line.database.empty() ? settings.mongodb.database : line.database;
  if (const std::string wrong = schema::database_name_mistake(database); !wrong.empty()) {
    fmt::print(stderr, "readygate: the name of the database {}: give it with --db\n", wrong);
    return kExitUsage;
  }
  auto reading = read(settings, database);
  if (!reading) return report(reading.error());
  const core::Ledger* ledger = chosen(reading->ledgers, database);
  reading->catalog.owned_elsewhere = foreign_owners(reading->ledgers, ledger);
  const schema::Written written = compose(*reading, database, ledger);
  if (ledger != nullptr) say_ledger(*ledger, database);
  for (const std::string& sentence : written.left_out) {
    fmt::print(stderr, "readygate: left out: {}\n", printable(sentence));
  }
  if (line.output.empty()) {
    std::fwrite(written.toml.data(), 1, written.toml.size(), stdout);
    return kExitOk;
  }
  const auto done = write_file(line.output, written.toml, line.force ? Existing::kReplace : Existing::kKeep);
  if (done) return kExitOk;
  fmt::print(stderr, "readygate: {}\n", done.error().message);
  return exit_code(done.error().reason);
}

}  // namespace readygate::cli
