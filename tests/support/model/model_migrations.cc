#include "support/model/model_migrations.h"

#include "schema/fields.h"

namespace readygate::test {
namespace {

using core::MigrationMoved;
using core::MigrationRecord;

core::Outcome lost() {
  MigrationMoved moved;
  moved.held = false;
  return moved;
}

core::Outcome connection_lost() {
  core::Failure failure;
  failure.domain = core::Domain::kStream;
  failure.message = "connection closed";
  return tl::unexpected(failure);
}

std::int64_t number(const schema::Document& document, const char* name, std::int64_t otherwise) {
  const auto value = schema::field(document, name);
  return value ? value->integer().value_or(otherwise) : otherwise;
}

}  // namespace

core::MigrationRecord* ModelMigrations::claimed(const MigrationRecord& record) {
  const auto found = records.find(record.key);
  if (found == records.end()) return nullptr;
  MigrationRecord& there = found->second;
  const bool same = there.token == record.token && there.owner == record.owner && there.claim == record.claim;
  return same ? &there : nullptr;
}

core::Outcome ModelMigrations::answer(const core::ReadMigrations& /*work*/) {
  core::MigrationsRead read;
  read.transactions = transactions;
  for (const auto& [key, record] : records) read.records.push_back(record);
  return read;
}

core::Outcome ModelMigrations::answer(const core::ClaimMigration& work) {
  if (!held(work.fence)) return lost();
  MigrationMoved moved;
  moved.record = work.record;
  const auto found = records.find(work.record.key);
  if (found != records.end()) {
    const MigrationRecord& there = found->second;
    if (there.token > work.fence.token) return lost();
    if (there.state == core::RecordState::kDone) {
      moved.record = there;
      return moved;
    }
    if (work.keep_progress) {
      moved.record.checkpoint = there.checkpoint;
      moved.record.done = there.done;
      moved.record.total = there.total;
      moved.record.found = there.found;
      moved.record.passes = there.passes;
    }
    moved.record.claim = there.claim + 1;
  } else {
    moved.record.claim = 1;
  }
  records[work.record.key] = moved.record;
  return moved;
}

core::Outcome ModelMigrations::answer(const core::WriteMigration& work) {
  MigrationRecord* there = claimed(work.record);
  if (!held(work.fence) || there == nullptr) return lost();
  *there = work.record;
  MigrationMoved moved;
  moved.record = work.record;
  return moved;
}

core::Outcome ModelMigrations::answer(const core::RunSeed& work) {
  if (!held(work.fence)) return lost();
  MigrationMoved moved;
  if (work.record) {
    if (claimed(*work.record) == nullptr) return lost();
    moved.record = *work.record;
    moved.record.checkpoint =
        core::seed_checkpoint(core::next_seed_document(*work.record) + static_cast<std::int64_t>(work.docs.size()));
    moved.record.done += static_cast<std::int64_t>(work.docs.size());
  }
  auto& collection = seeded[work.collection];
  for (const schema::Document& document : work.docs) {
    const std::string id = schema::field(document, "_id")->to_json();
    if (work.mode == schema::Seed::Mode::kInsertMissing && collection.contains(id)) continue;
    collection[id] = document.to_json();
    ++moved.changed;
  }
  if (dies_half && !work.in_transaction) return connection_lost();
  if (work.record) *claimed(*work.record) = moved.record;
  return moved;
}

core::Outcome ModelMigrations::answer(const core::RunBatch& work) {
  if (!held(work.fence) || claimed(work.record) == nullptr) return lost();
  MigrationMoved moved;
  moved.record = work.record;
  const bool first = !work.record.has_checkpoint() && work.record.passes == 0 && work.record.done == 0;
  const std::int64_t limit = first && work.must_converge ? 1 : work.batch.size;
  const std::int64_t after = number(work.record.checkpoint, "_id", INT64_MIN);
  auto& documents = batch[work.batch.collection];
  const auto before = documents;
  for (auto& [id, document] : documents) {
    if (!document.matches || id <= after || moved.found == limit) continue;
    ++moved.found;
    ++document.changed;
    document.matches = !converges;
    if (work.must_converge && document.matches) ++moved.still_there;
    moved.record.checkpoint = schema::Document();
    append(moved.record.checkpoint, "_id", id);
  }
  moved.record.done += moved.found;
  moved.record.found += moved.found;
  if (moved.found == 0) return moved;
  if (dies_half && !work.in_transaction) return connection_lost();
  if (moved.still_there > 0) {
    if (work.in_transaction) documents = before;
    return moved;
  }
  *claimed(work.record) = moved.record;
  return moved;
}

core::Outcome ModelMigrations::answer(const core::RunCommand& work) {
  if (!held(work.fence) || claimed(work.record) == nullptr) return lost();
  commands.push_back(work.command.to_json());
  MigrationMoved moved;
  moved.record = work.record;
  ++moved.record.done;
  moved.record.checkpoint = core::command_checkpoint(core::next_command(work.record) + 1, false);
  if (dies_half && !work.in_transaction) return connection_lost();
  *claimed(work.record) = moved.record;
  return moved;
}

}  // namespace readygate::test
