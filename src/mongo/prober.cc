#include "mongo/prober.h"

#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/server_codes.h"
#include "mongo/catalog_reader.h"
#include "mongo/commands.h"
#include "schema/fields.h"
#include "schema/privileges.h"

namespace readygate::mongo {

namespace {

using core::Doing;
using core::Domain;
using core::Failure;
using schema::Document;
using Expect = schema::Trial::Expect;

constexpr std::chrono::seconds kLeftBehind = std::chrono::hours(1);

std::int64_t seconds(WallTime wall) {
  return std::chrono::duration_cast<std::chrono::seconds>(wall.time_since_epoch()).count();
}

tl::expected<void, Failure> drop(Client& client, const std::string& database, const std::string& name) {
  Document command;
  schema::append(command, "drop", name);
  const auto dropped = run(client, Sort::kWrite, database, command.get(), nullptr, Doing::kModify);
  if (dropped || core::said(dropped.error(), core::code::kNamespaceNotFound)) return {};
  return tl::unexpected(dropped.error());
}

// "_readygate_probe_<seconds since 1970>_<random>"; none: not a scratch collection.
std::optional<std::int64_t> made_at(std::string_view name) {
  if (!name.starts_with(schema::kScratchPrefix)) return std::nullopt;
  name.remove_prefix(schema::kScratchPrefix.size());
  std::int64_t at = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), at);
  if (error != std::errc{} || end == name.data() + name.size() || *end != '_') return std::nullopt;
  return at;
}

tl::expected<void, Failure> drop_leftovers(Client& client, const std::string& database, WallTime wall) {
  const auto names = collection_names(client, database);
  if (!names) return tl::unexpected(names.error());
  for (const std::string& name : *names) {
    const auto at = made_at(name);
    if (!at || seconds(wall) - *at < kLeftBehind.count()) continue;
    if (auto dropped = drop(client, database, name); !dropped) return dropped;
  }
  return {};
}

// Whether each trial went as the rule says; none: it could not be set up.
tl::expected<std::optional<bool>, Failure> enforced(Client& client, const std::string& database,
                                                    const schema::Probe& probe) {
  for (const schema::Trial& trial : probe.trials) {
    const auto reply = run(client, Sort::kWrite, database, trial.command.get(), nullptr, Doing::kModify);
    if (reply) {
      if (trial.expect == Expect::kRefused) return false;
      continue;
    }
    const Failure& failure = reply.error();
    if (failure.domain != Domain::kServer || failure.code == core::code::kUnauthorized) return tl::unexpected(failure);
    if (trial.expect == Expect::kDone) return std::nullopt;
    const bool by_rule = failure.code == core::code::kDocumentValidationFailure ||
                         failure.code == core::code::kFerretValidationFailure ||
                         failure.code == core::code::kDuplicateKey;
    if (!by_rule) return tl::unexpected(failure);
    if (trial.expect == Expect::kAccepted) return false;
  }
  return true;
}

}  // namespace

tl::expected<std::vector<schema::Tried>, Failure> probe(Client& client, const schema::Schema& schema, WallTime wall,
                                                        Random& random) {
  const std::string& database = schema.database;
  if (auto dropped = drop_leftovers(client, database, wall); !dropped) return tl::unexpected(dropped.error());
  const std::string scratch = fmt::format("{}{}_{:.8}", schema::kScratchPrefix, seconds(wall), random_id(random));
  std::vector<schema::Tried> tried;
  for (const schema::Probe& each : probes(schema, scratch)) {
    const auto kept = enforced(client, database, each);
    const auto dropped = drop(client, database, scratch);
    if (!kept) return tl::unexpected(kept.error());
    if (!dropped) return tl::unexpected(dropped.error());
    if (*kept) tried.push_back({each.rule, **kept});
  }
  return tried;
}

}  // namespace readygate::mongo
