#include "mongo/migration_store.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/server_codes.h"
#include "mongo/control_documents.h"
#include "mongo/handshake.h"
#include "mongo/migration_bson.h"
#include "schema/fields.h"

namespace readygate::mongo {

namespace {

using core::Failure;
using core::MigrationMoved;
using core::MigrationRecord;
using schema::append;
using schema::Document;

tl::expected<MigrationRecord, Failure> understood(const LedgerPlace& place, const Document& document) {
  auto record = record_from(document, place.schema_name);
  if (record) return std::move(*record);
  const auto id = schema::field(document, "_id");
  return tl::unexpected(damaged(place, id ? id->string().value_or("") : "", record.error()));
}

// Not done, and under no newer token: null where there is none such.
tl::expected<std::optional<Document>, Failure> take(Fenced& fenced, const core::ClaimMigration& work) {
  Document not_newer;
  append(not_newer, "$lte", work.fence.token);
  Document not_done;
  append(not_done, "$ne", name(core::RecordState::kDone));
  Document query;
  append(query, "_id", record_id(fenced.place(), work.record));
  append(query, "token", not_newer);
  append(query, "state", not_done);
  MigrationRecord record = work.record;
  record.at = fenced.wall();
  if (!work.keep_progress) record.started = record.at;
  Document set = work.keep_progress ? fields_without_progress(record) : schema::without(fields_of(record), {"claim"});
  Document increment;
  append(increment, "claim", std::int64_t{1});
  Document update;
  append(update, "$set", set);
  append(update, "$inc", increment);
  Document command;
  append(command, "findAndModify", core::kControlCollection);
  append(command, "query", query);
  append(command, "update", update);
  append(command, "new", true);
  const auto reply = fenced.send(Sort::kWrite, std::move(command));
  if (!reply) return tl::unexpected(reply.error());
  const auto value = schema::field(*reply, "value");
  return value && value->type() == BSON_TYPE_DOCUMENT ? value->document() : std::nullopt;
}

// False: there is one already.
tl::expected<bool, Failure> insert(Fenced& fenced, MigrationRecord& record) {
  record.claim = 1;
  record.started = record.at = fenced.wall();
  Document document;
  append(document, "_id", record_id(fenced.place(), record));
  for (const Document all = fields_of(record); const schema::Field& each : schema::fields(all)) append(document, each);
  Document command;
  append(command, "insert", core::kControlCollection);
  append(command, "documents", std::vector<Document>{document});
  const auto reply = fenced.send(Sort::kWrite, std::move(command));
  if (reply) return true;
  if (core::said(reply.error(), core::code::kDuplicateKey)) return false;
  return tl::unexpected(reply.error());
}

tl::expected<std::optional<MigrationRecord>, Failure> read_one(Fenced& fenced, const MigrationRecord& record) {
  Document filter;
  append(filter, "_id", record_id(fenced.place(), record));
  Document command;
  append(command, "find", core::kControlCollection);
  append(command, "filter", filter);
  append(command, "limit", 1);
  append(command, "singleBatch", true);
  const auto found = fenced.find(std::move(command));
  if (!found) return tl::unexpected(found.error());
  if (found->empty()) return std::nullopt;
  auto read = understood(fenced.place(), found->front());
  if (!read) return tl::unexpected(std::move(read.error()));
  return std::move(*read);
}

}  // namespace

tl::expected<core::MigrationsRead, Failure> read_migrations(Client& client, const LedgerPlace& place) {
  const auto handshake = shake_hands(client);
  if (!handshake) return tl::unexpected(handshake.error());
  const auto documents = control_documents(client, place, {"m", "s"});
  if (!documents) return tl::unexpected(documents.error());
  core::MigrationsRead read;
  read.transactions = handshake->transactions;
  for (const Document& each : *documents) {
    auto record = understood(place, each);
    if (!record) return tl::unexpected(std::move(record.error()));
    read.records.push_back(std::move(*record));
  }
  return read;
}

tl::expected<MigrationMoved, Failure> claim_migration(Fenced& fenced, const core::Fence& fence,
                                                      const core::ClaimMigration& work) {
  MigrationMoved moved;
  const auto held = fenced.holds();
  if (!held) return tl::unexpected(held.error());
  moved.held = *held;
  if (!moved.held) return moved;
  const auto taken = take(fenced, work);
  if (!taken) return tl::unexpected(taken.error());
  if (*taken) {
    auto record = understood(fenced.place(), **taken);
    if (!record) return tl::unexpected(std::move(record.error()));
    moved.record = std::move(*record);
    return moved;
  }
  moved.record = work.record;
  const auto inserted = insert(fenced, moved.record);
  if (!inserted) return tl::unexpected(inserted.error());
  if (*inserted) return moved;
  const auto there = read_one(fenced, work.record);
  if (!there) return tl::unexpected(there.error());
  moved.held = *there && (*there)->state == core::RecordState::kDone && (*there)->token <= fence.token;
  if (*there) moved.record = **there;
  return moved;
}

tl::expected<MigrationMoved, Failure> write_migration(Fenced& fenced, const core::WriteMigration& work) {
  MigrationMoved moved;
  moved.record = work.record;
  moved.record.at = fenced.wall();
  const auto held = fenced.holds();
  if (!held) return tl::unexpected(held.error());
  moved.held = *held;
  if (!moved.held) return moved;
  const auto written = fenced.write_record(moved.record);
  if (!written) return tl::unexpected(written.error());
  moved.held = *written;
  return moved;
}

}  // namespace readygate::mongo
