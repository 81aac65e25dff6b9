#include "core/migration_record.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "schema/fields.h"

namespace readygate::core {
namespace {

constexpr std::array kStates = {
    std::pair{RecordState::kPending, std::string_view("pending")},
    std::pair{RecordState::kRunning, std::string_view("running")},
    std::pair{RecordState::kFailed, std::string_view("failed")},
    std::pair{RecordState::kDone, std::string_view("done")},
    std::pair{RecordState::kSuperseded, std::string_view("superseded")},
};

std::int64_t number_in(const MigrationRecord& record, std::string_view field_name) {
  const std::optional<schema::Field> value = schema::field(record.checkpoint, field_name);
  return value ? std::max<std::int64_t>(0, value->integer().value_or(0)) : 0;
}

}  // namespace

void MigrationRecord::from_the_start() {
  checkpoint = schema::Document();
  done = found = passes = 0;
  total = -1;
}

schema::Document command_checkpoint(std::int64_t next, bool sent) {
  schema::Document checkpoint;
  schema::append(checkpoint, "command", next);
  if (sent) schema::append(checkpoint, "sent", true);
  return checkpoint;
}

schema::Document seed_checkpoint(std::int64_t next) {
  schema::Document checkpoint;
  schema::append(checkpoint, "doc", next);
  return checkpoint;
}

std::int64_t next_command(const MigrationRecord& record) { return number_in(record, "command"); }

std::int64_t next_seed_document(const MigrationRecord& record) { return number_in(record, "doc"); }

bool was_sent(const MigrationRecord& record) {
  const std::optional<schema::Field> sent = schema::field(record.checkpoint, "sent");
  return sent && sent->truthy();
}

std::string_view name(RecordState state) {
  for (const auto& [each, word] : kStates) {
    if (each == state) return word;
  }
  return "";
}

std::optional<RecordState> record_state(std::string_view name) {
  for (const auto& [state, word] : kStates) {
    if (word == name) return state;
  }
  return std::nullopt;
}

std::string migration_key(const schema::Migration& migration) { return "m/" + migration.id; }

std::string seed_key(const schema::Seed& seed) { return fmt::format("s/{}/{}", seed.collection, seed.checksum); }

const MigrationRecord* find_record(const std::vector<MigrationRecord>& records, std::string_view key) {
  const auto found =
      std::find_if(records.begin(), records.end(), [&](const MigrationRecord& each) { return each.key == key; });
  return found == records.end() ? nullptr : &*found;
}

std::vector<std::string> pending_migrations(const schema::Schema& schema, const std::vector<MigrationRecord>& records) {
  std::vector<std::string> ids;
  for (const schema::Migration& migration : schema.migrations) {
    if (migration.phase != schema::Migration::Phase::kBackground) continue;
    const MigrationRecord* record = find_record(records, migration_key(migration));
    if (record == nullptr || record->state != RecordState::kDone) ids.push_back(migration.id);
  }
  return ids;
}

bool same_content(std::string_view a, std::string_view b) {
  const auto format = [](std::string_view checksum) { return checksum.substr(0, checksum.find(':')); };
  return a == b || format(a) != format(b);
}

}  // namespace readygate::core
