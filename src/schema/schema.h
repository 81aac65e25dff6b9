// What the database is declared to be: the schema file after validation. Everything here has been checked; a Schema
// that exists is one that can be planned.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "schema/document.h"
#include "schema/migration.h"
#include "toml/tree.h"

namespace readygate::schema {

// An index, declared or reported. `options` holds exactly what createIndexes takes beside name and key (unique, sparse,
// expireAfterSeconds, partialFilterExpression, …), in the form that listIndexes gives back after normalisation.
struct Index {
  std::string name;
  Document key;  // { field: 1 | -1 | "text" | "2dsphere" | "hashed" | … }, order matters
  Document options;
  toml::Place place;  // of a declared one, for messages
};

struct Collection {
  std::string name;
  Document options;  // what create takes beside the name: validator, capped, timeseries, …
  std::vector<Index> indexes;
  toml::Place place;
  // Where the file names the level and the action of its validation, if it does. A level that is not named is "strict",
  // and leaves a constraint that is there alone; the hash is that of one that is named.
  std::optional<toml::Place> level_at = std::nullopt;
  std::optional<toml::Place> action_at = std::nullopt;
};

struct View {
  std::string name;
  Document options;  // what create takes beside the name: viewOn, pipeline, collation
  toml::Place place;
};

struct Policy {
  enum class Extra { kReport, kHide, kDrop } extra_indexes = Extra::kReport;
  enum class Conflict { kFail, kReplace } conflict = Conflict::kFail;
  enum class Contract { kReport, kApply } contract = Contract::kReport;
  enum class NotHonoured { kFail, kReport } not_honoured = NotHonoured::kFail;
  enum class Newer { kOpen, kFail } newer = Newer::kOpen;
  enum class Verify { kLedger, kAfter, kOpen } verify = Verify::kAfter;
};

struct Schema {
  std::string name;  // [a-z0-9_-]{1,64}: the _id of its state in the database
  std::string database;
  std::int32_t version = 1;
  std::int32_t min_open = 1;
  Policy policy;
  std::vector<Collection> collections;
  std::vector<View> views;
  std::vector<Seed> seeds;            // both in the order of the file, of a folder in the order of the files' names
  std::vector<Migration> migrations;  // which is the order in which they run
  std::string hash;  // of the declarations alone, "1:" (the format's number) and 64 hex digits: see canonical.h
};

// The format of the hash that this program writes.
inline constexpr std::int32_t kHashFormat = 1;

// Reads a file, or a folder whose *.toml are merged (exactly one has the head), with the files that they name
// (validator_file, beside the file that names it). Reports every mistake at once.
tl::expected<Schema, toml::Mistakes> load(const std::string& path);

// The same from text that is in memory; `validator_file` is read relative to `folder`. For tests and load().
tl::expected<Schema, toml::Mistakes> parse(std::string_view text, const std::string& file, const std::string& folder);

}  // namespace readygate::schema
