// `readygate import`: the schema file of a live database.
#include <cstdio>
#include <string>

#include <fmt/format.h>

#include "base/printable.h"
#include "cli/commands.h"
#include "cli/database.h"
#include "cli/exit_code.h"
#include "cli/inputs.h"
#include "cli/output_file.h"
#include "mongo/catalog_reader.h"
#include "schema/names.h"
#include "schema/writer.h"

namespace readygate::cli {
namespace {

tl::expected<schema::Catalog, core::Failure> read(const config::Settings& settings, const std::string& database) {
  auto pool = open_database(settings);
  if (!pool) return tl::unexpected(std::move(pool.error()));
  mongo::Client client = (*pool)->take();
  auto names = mongo::collection_names(client, database);
  if (!names) return tl::unexpected(std::move(names.error()));
  // The server's own can be unreadable for the user.
  std::erase_if(*names, [](const std::string& name) { return !schema::written(name); });
  auto catalog = mongo::read_catalog(client, database, {std::move(*names)});
  if (!catalog) return tl::unexpected(std::move(catalog.error()));
  return std::move(catalog->catalog);
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
  const auto catalog = read(settings, database);
  if (!catalog) return report(catalog.error());
  const schema::Written written = schema::write_schema(*catalog, database);
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
