// https://www.mongodb.com/docs/manual/reference/config-database/ (config.collections) and …/aggregation/indexStats/
#include "mongo/shard_reader.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "mongo/commands.h"
#include "schema/fields.h"

namespace readygate::mongo {

namespace {

using core::Doing;
using schema::Document;

// Enough for 64 indexes on more shards than anybody has: one batch, and the cursor is at its end.
constexpr std::int32_t kBatch = 100'000;

// The whole of a cursor that fits one batch; none when it was refused, or goes on. An overloaded server would show it
// later: that is a failure.
using Whole = tl::expected<std::optional<std::vector<Document>>, core::Failure>;

Whole all_of(Client& client, const std::string& database, const Document& command) {
  const auto reply = run(client, Sort::kRead, database, command.get(), nullptr, Doing::kReadCatalog);
  if (!reply && core::overloaded(reply.error())) return tl::unexpected(reply.error());
  const auto batch = reply ? first_batch(*reply) : std::nullopt;
  if (!batch || !batch->last) return std::nullopt;
  return batch->documents;
}

Whole entry_of(Client& client, const std::string& name) {
  Document filter;
  schema::append(filter, "_id", name);
  Document command;
  schema::append(command, "find", "collections");
  schema::append(command, "filter", filter);
  schema::append(command, "limit", 1);
  schema::append(command, "singleBatch", true);
  return all_of(client, "config", command);
}

Whole index_stats(Client& client, const std::string& database, const std::string& name) {
  Document stage;
  schema::append(stage, "$indexStats", Document());
  Document cursor;
  schema::append(cursor, "batchSize", kBatch);
  Document command;
  schema::append(command, "aggregate", name);
  schema::append(command, "pipeline", std::vector<Document>{stage});
  schema::append(command, "cursor", cursor);
  return all_of(client, database, command);
}

// One document per index and shard: { name, key, host, shard, … }.
void compare_shards(const std::vector<Document>& stats, schema::Sharding& sharding) {
  std::map<std::string, std::set<std::string>> shards_of;
  std::set<std::string> all;
  for (const Document& each : stats) {
    const std::string shard = schema::text_at(each, "shard");
    if (shard.empty()) return;
    const auto building = schema::field(each, "building");
    std::set<std::string>& shards = shards_of[schema::text_at(each, "name")];
    if (!building || !building->truthy()) shards.insert(shard);
    all.insert(shard);
  }
  if (all.empty()) return;
  sharding.verified = true;
  for (const auto& [name, shards] : shards_of) {
    if (shards != all) sharding.incomplete.push_back(name);
  }
}

}  // namespace

tl::expected<std::optional<schema::Sharding>, core::Failure> read_sharding(Client& client, const std::string& database,
                                                                           const std::string& collection) {
  const Whole found = entry_of(client, database + "." + collection);
  if (!found) return tl::unexpected(found.error());
  const auto& entries = *found;
  if (entries && entries->empty()) return std::nullopt;
  schema::Sharding sharding;
  if (entries) {
    const auto key = schema::field(entries->front(), "key");
    if (const auto document = key ? key->document() : std::nullopt) sharding.key = *document;
  }
  const Whole stats = index_stats(client, database, collection);
  if (!stats) return tl::unexpected(stats.error());
  if (*stats) compare_shards(**stats, sharding);
  return sharding;
}

}  // namespace readygate::mongo
