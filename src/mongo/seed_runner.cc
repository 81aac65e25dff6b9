#include "mongo/seed_runner.h"

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/server_codes.h"
#include "mongo/seed_collision.h"
#include "schema/fields.h"

namespace readygate::mongo {

namespace {

using core::Failure;
using schema::append;
using schema::Document;

constexpr int kMostSeedTries = 3;  // where another writer was faster

std::string key_of(const Document& document) {
  const auto id = schema::field(document, "_id");
  return id ? schema::id_key(*id) : std::string();
}

tl::expected<std::set<std::string>, Failure> present(Fenced& fenced, const core::RunSeed& work) {
  Document ids;
  for (std::size_t i = 0; i < work.docs.size(); ++i) {
    if (const auto id = schema::field(work.docs[i], "_id")) append(ids, std::to_string(i), *id);
  }
  Document in;
  bson_append_array(in.get(), "$in", -1, ids.get());
  Document filter;
  append(filter, "_id", in);
  Document projection;
  append(projection, "_id", 1);
  Document command;
  append(command, "find", work.collection);
  append(command, "filter", filter);
  append(command, "projection", projection);
  append(command, "batchSize", static_cast<std::int32_t>(work.docs.size() + 1));
  append(command, "singleBatch", true);
  const auto found = fenced.find(std::move(command));
  if (!found) return tl::unexpected(found.error());
  std::set<std::string> keys;
  for (const Document& each : *found) keys.insert(key_of(each));
  return keys;
}

// A duplicate key may be a race (another replica inserted the same _id) or a unique index that refuses the document.
// The first is over when we look again.
tl::expected<Fenced::Change, Failure> insert_missing(Fenced& fenced, const core::RunSeed& work,
                                                     std::vector<Document>& missing) {
  std::size_t before = work.docs.size() + 1;
  std::optional<Failure> last;
  Fenced::Change change;
  for (;;) {
    const auto there = present(fenced, work);
    if (!there) return tl::unexpected(there.error());
    missing.clear();
    for (const Document& document : work.docs) {
      if (!there->contains(key_of(document))) missing.push_back(document);
    }
    if (missing.empty()) return change;
    if (missing.size() >= before) return tl::unexpected(std::move(*last));  // no progress
    before = missing.size();
    change.changed = static_cast<std::int64_t>(missing.size());
    Document command;
    append(command, "insert", work.collection);
    append(command, "documents", missing);
    auto reply = fenced.send(Sort::kWrite, std::move(command));
    if (reply) return change;
    if (!is_duplicate_key(reply.error())) return tl::unexpected(std::move(reply.error()));
    last = std::move(reply.error());
  }
}

tl::expected<Fenced::Change, Failure> upsert(Fenced& fenced, const core::RunSeed& work) {
  std::vector<Document> statements;
  for (const Document& document : work.docs) {
    Document filter;
    if (const auto id = schema::field(document, "_id")) append(filter, *id);
    Document statement;
    append(statement, "q", filter);
    if (work.mode == schema::Seed::Mode::kMerge) {
      Document set;
      append(set, "$set", schema::without(document, {"_id"}));
      append(statement, "u", set);
    } else {
      append(statement, "u", document);
    }
    append(statement, "upsert", true);
    statements.push_back(std::move(statement));
  }
  Document command;
  append(command, "update", work.collection);
  append(command, "updates", statements);
  const auto reply = fenced.send(Sort::kWrite, std::move(command));
  if (!reply) return tl::unexpected(reply.error());
  const auto count = schema::field(*reply, "n");
  return Fenced::Change{count ? count->integer().value_or(0) : 0, 0};
}

}  // namespace

tl::expected<core::MigrationMoved, Failure> run_seed(Fenced& fenced, const core::RunSeed& work) {
  std::optional<core::MigrationRecord> next = work.record;
  if (next) {
    const auto done = static_cast<std::int64_t>(work.docs.size());
    next->checkpoint = core::seed_checkpoint(core::next_seed_document(*next) + done);
    next->done += done;
    next->at = fenced.wall();
  }
  std::vector<Document> candidates = work.docs;
  for (int tries = 1;; ++tries) {
    auto moved = fenced.run(work.in_transaction, next, [&] {
      return work.mode == schema::Seed::Mode::kInsertMissing ? insert_missing(fenced, work, candidates)
                                                             : upsert(fenced, work);
    });
    if (moved || !is_duplicate_key(moved.error())) return moved;
    if (!is_race_for_id(moved.error())) {
      auto collision = find_collision(fenced, work, candidates, moved.error());
      if (!collision) return moved;
      core::MigrationMoved refused;
      refused.collision = std::move(collision);
      return refused;
    }
    if (tries == kMostSeedTries) {
      moved.error().code = core::code::kWriteConflict;  // which is what it is: nothing is wrong with the seed
      moved.error().message = "another writer inserts the same documents";
      return moved;
    }
  }
}

}  // namespace readygate::mongo
