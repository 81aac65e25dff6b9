// Seeds and migrations as declared: documents that must be there, and changes of documents. Both are checked when the
// schema file is read, and each has a checksum by which the database remembers what was done.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "schema/document.h"
#include "schema/fields.h"
#include "toml/tree.h"

namespace readygate::schema {

// A checksum is "1:" (kChecksumFormat) and the SHA-256 in hex of the exact content: types and the order of fields
// count, for the server stores both. Places, sizes, pauses and limits do not: they change how it is done, not what.
inline constexpr int kChecksumFormat = 1;

struct Seed {
  enum class Mode {
    kInsertMissing,  // documents whose _id is not there; at every apply
    kMerge,          // their top-level fields are set; once per checksum
    kReplace,        // they are replaced as a whole; once per checksum
  };
  std::string collection;
  Mode mode = Mode::kInsertMissing;
  std::vector<Document> docs;  // at least one; each has an _id, no two the same
  std::string checksum;
  toml::Place place;
};
std::string_view name(Seed::Mode mode);  // "insert_missing", …

// An update of all documents that match, in the order of _id, so many at a time.
struct Batch {
  std::string collection;
  std::int32_t size = 500;  // documents, 1 to 10000
  Document filter;          // not empty
  Document update;          // { $set: … }, or the stages of a pipeline under "0", "1", …
  bool pipeline = false;
};

// Database commands, run one after the other. Only those of kMigrationCommands (migration_commands.h).
struct CommandList {
  std::vector<Document> commands;  // at least one
};

struct Migration {
  enum class Phase {
    kPre,         // before the gate opens
    kBackground,  // after; passes are repeated until one finds nothing
  };
  enum class OnCrash {
    kResume,  // at the checkpoint
    kRetry,   // from the start
    kManual,  // not before a person says so
  };
  std::string id;  // [a-z0-9._-]{1,64}
  Phase phase = Phase::kPre;
  OnCrash on_crash = OnCrash::kResume;
  std::variant<Batch, CommandList> work;
  Millis pause{0};     // after each batch or command
  Millis max_time{0};  // of each batch or command on the server; 0: no limit
  std::string checksum;
  toml::Place place;

  const Batch* batch() const { return std::get_if<Batch>(&work); }
  const CommandList* commands() const { return std::get_if<CommandList>(&work); }
};
std::string_view name(Migration::Phase phase);  // "pre", "background"

// What Seed::checksum and Migration::checksum are set to.
std::string checksum_of(const Seed& seed);
std::string checksum_of(const Migration& migration);

// Equal for two values of _id that the server takes for one: numbers by value.
std::string id_key(const Field& id);

}  // namespace readygate::schema
