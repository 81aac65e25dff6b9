// The one table of what an index or a collection can be declared with: the key in the schema file, the option that the
// server knows it by, its form, and the kinds of index that take it. Parsing, checking, comparing and the documentation
// follow it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "toml/keys.h"

namespace readygate::schema {

// What an index is, decided by its key alone.
enum class IndexKind : std::uint8_t { kPlain = 1, kHashed = 2, kText = 4, k2d = 8, k2dsphere = 16, kWildcard = 32 };
std::string_view name(IndexKind kind);  // "plain", "hashed", "text", "2d", "2dsphere", "wildcard"

using IndexKinds = std::uint8_t;  // a set of kinds, as bits
constexpr IndexKinds operator|(IndexKind a, IndexKind b) {
  return static_cast<IndexKinds>(static_cast<IndexKinds>(a) | static_cast<IndexKinds>(b));
}
constexpr IndexKinds operator|(IndexKinds a, IndexKind b) {
  return static_cast<IndexKinds>(a | static_cast<IndexKinds>(b));
}
constexpr bool has(IndexKinds kinds, IndexKind kind) { return (kinds & static_cast<IndexKinds>(kind)) != 0; }

enum class Form : std::uint8_t {
  kBoolean,   // false is the same as absent
  kSeconds,   // a duration, or a number of seconds: 0 to 2147483647
  kDocument,  // an Extended JSON string
  kWord,      // a string as it is
  kNumber,
  kWeights,  // a table: field -> 1 to 99999
};

struct IndexOption {
  toml::Key key;
  std::string_view server;  // what createIndexes calls it
  Form form;
  IndexKinds kinds;        // those that take it
  bool signature = false;  // two indexes that differ in it can exist side by side (MongoDB 5.0 and later)
};

inline constexpr IndexKinds kAnyKind = IndexKind::kPlain | IndexKind::kHashed | IndexKind::kText | IndexKind::k2d |
                                       IndexKind::k2dsphere | IndexKind::kWildcard;

// https://www.mongodb.com/docs/manual/reference/command/createIndexes/; which kinds take what is from the server's
// index_catalog_impl.cpp (_isSpecOk) and from the page of each kind. Text, 2d and 2dsphere indexes are always sparse.
inline constexpr std::array kIndexOptions = {
    IndexOption{.key = {.name = "unique",
                        .type = toml::Type::kBoolean,
                        .fallback = "false",
                        .help = "no two documents may have the same key"},
                .server = "unique",
                .form = Form::kBoolean,
                .kinds = IndexKind::kPlain | IndexKind::kText | IndexKind::k2d | IndexKind::k2dsphere,
                .signature = true},
    IndexOption{.key = {.name = "sparse",
                        .type = toml::Type::kBoolean,
                        .fallback = "false",
                        .help = "leaves out documents that lack the field"},
                .server = "sparse",
                .form = Form::kBoolean,
                .kinds = IndexKind::kPlain | IndexKind::kHashed,
                .signature = true},
    IndexOption{.key = {.name = "partial",
                        .type = toml::Type::kString,
                        .help = "Extended JSON: only documents that match this filter are in the index"},
                .server = "partialFilterExpression",
                .form = Form::kDocument,
                .kinds = kAnyKind,
                .signature = true},
    IndexOption{.key = {.name = "expire_after",
                        .type = toml::Type::kDuration,
                        .or_type = toml::Type::kInteger,
                        .unit = "s",
                        .help = "documents are deleted so long after the date in the field; a number is in seconds"},
                .server = "expireAfterSeconds",
                .form = Form::kSeconds,
                .kinds = static_cast<IndexKinds>(IndexKind::kPlain)},
    IndexOption{.key = {.name = "weights",
                        .type = toml::Type::kTable,
                        .item = toml::Type::kInteger,
                        .range = toml::Range{1, 99'999},
                        .free_keys = true,
                        .help = "how much a field of a text index counts; 1 where not given"},
                .server = "weights",
                .form = Form::kWeights,
                .kinds = static_cast<IndexKinds>(IndexKind::kText)},
    IndexOption{.key = {.name = "default_language",
                        .type = toml::Type::kString,
                        .fallback = "english",
                        .range = toml::Range{1, 64},
                        .help = "the language of a text index"},
                .server = "default_language",
                .form = Form::kWord,
                .kinds = static_cast<IndexKinds>(IndexKind::kText)},
    IndexOption{.key = {.name = "language_override",
                        .type = toml::Type::kString,
                        .fallback = "language",
                        .range = toml::Range{1, 256},
                        .help = "the field in which a document names its language"},
                .server = "language_override",
                .form = Form::kWord,
                .kinds = static_cast<IndexKinds>(IndexKind::kText)},
    IndexOption{.key = {.name = "bits",
                        .type = toml::Type::kInteger,
                        .fallback = "26",
                        .range = toml::Range{1, 32},
                        .help = "the precision of a 2d index"},
                .server = "bits",
                .form = Form::kNumber,
                .kinds = static_cast<IndexKinds>(IndexKind::k2d)},
    IndexOption{
        .key = {.name = "min", .type = toml::Type::kFloat, .fallback = "-180", .help = "the lower bound of a 2d index"},
        .server = "min",
        .form = Form::kNumber,
        .kinds = static_cast<IndexKinds>(IndexKind::k2d)},
    IndexOption{
        .key = {.name = "max", .type = toml::Type::kFloat, .fallback = "180", .help = "the upper bound of a 2d index"},
        .server = "max",
        .form = Form::kNumber,
        .kinds = static_cast<IndexKinds>(IndexKind::k2d)},
    IndexOption{
        .key = {.name = "wildcard_projection",
                .type = toml::Type::kString,
                .help = "Extended JSON: the fields that an index on \"$**\" covers, or those that it leaves out"},
        .server = "wildcardProjection",
        .form = Form::kDocument,
        .kinds = static_cast<IndexKinds>(IndexKind::kWildcard),
        .signature = true},
};

namespace detail {

constexpr auto index_keys() {
  using toml::Key;
  using toml::Type;
  std::array<Key, kIndexOptions.size() + 4> keys = {
      Key{.name = "name",
          .type = Type::kString,
          .help = "the name; where it is not given, the one that drivers make: field_1_other_-1"},
      Key{.name = "key",
          .type = Type::kArray,
          .item = Type::kArray,
          .required = true,
          .range = toml::Range{1, 32},
          .help = "[[field, 1 | -1 | \"text\" | \"hashed\" | \"2d\" | \"2dsphere\"], ...], in the order of the index"},
      Key{.name = "hidden", .type = Type::kBoolean, .fallback = "false", .later = "true", .help = "not for queries"},
      Key{.name = "collation", .type = Type::kTable, .later = "*", .help = "how strings are compared"},
  };
  for (std::size_t i = 0; i < kIndexOptions.size(); ++i) keys[i + 4] = kIndexOptions[i].key;
  return keys;
}

}  // namespace detail

inline constexpr auto kIndexKeys = detail::index_keys();

inline constexpr std::array kValidationKeys = {
    toml::Key{.name = "level",
              .type = toml::Type::kString,
              .fallback = "strict",
              .allowed = "strict|moderate|off",
              .help = "strict: all writes; moderate: inserts, and updates of documents that were valid"},
    toml::Key{.name = "action",
              .type = toml::Type::kString,
              .fallback = "error",
              .allowed = "error|warn",
              .help = "what a write that is not valid meets: an error, or a line in the server's log"},
};

inline constexpr std::array kCollectionKeys = {
    toml::Key{.name = "name", .type = toml::Type::kString, .required = true, .help = "the name of the collection"},
    toml::Key{
        .name = "validator", .type = toml::Type::kString, .help = "Extended JSON: what every document must match"},
    toml::Key{.name = "validator_file",
              .type = toml::Type::kString,
              .range = toml::Range{1, 4096},
              .help = "the same in a file; a relative path begins at the schema file's folder"},
    toml::Key{.name = "validation",
              .type = toml::Type::kTable,
              .keys = kValidationKeys,
              .help = "how strictly the validator is applied"},
    toml::Key{.name = "index",
              .type = toml::Type::kArray,
              .item = toml::Type::kTable,
              .keys = kIndexKeys,
              .help = "an index; the one on _id is the server's"},
    toml::Key{.name = "capped", .type = toml::Type::kAny, .later = "*", .help = "a fixed size"},
    toml::Key{.name = "timeseries", .type = toml::Type::kAny, .later = "*", .help = "a time series"},
    toml::Key{.name = "clustered", .type = toml::Type::kAny, .later = "*", .help = "stored in the order of _id"},
    toml::Key{.name = "collation", .type = toml::Type::kAny, .later = "*", .help = "how strings are compared"},
};

inline constexpr std::array kPolicyKeys = {
    toml::Key{.name = "extra_indexes",
              .fallback = "report",
              .allowed = "report",
              .later = "hide|drop",
              .help = "what is done with an index that is not declared"},
    toml::Key{.name = "conflict",
              .fallback = "fail",
              .allowed = "fail",
              .later = "replace",
              .help = "what is done with an index that is there, but another"},
    toml::Key{.name = "contract",
              .fallback = "report",
              .allowed = "report",
              .later = "apply",
              .help = "what is done with a change that can break the application's version before"},
    toml::Key{.name = "newer",
              .fallback = "open",
              .allowed = "open|fail",
              .help = "whether the gate opens on a database with a newer version of this schema"},
    toml::Key{.name = "verify",
              .fallback = "after",
              .allowed = "ledger|after|open",
              .help = "whether an applied schema is looked at again: never, after the gate opened, or before"},
    toml::Key{.name = "not_honoured",
              .fallback = "fail",
              .allowed = "fail|report",
              .help = "what is done when the server accepts a declaration and does not honour it"},
};

inline constexpr std::array kSchemaKeys = {
    toml::Key{.name = "schema",
              .help = "the name under which the state is kept in the database: a-z, 0-9, _ and -, at most 64"},
    toml::Key{.name = "database", .help = "the database"},
    toml::Key{.name = "version",
              .type = toml::Type::kInteger,
              .range = toml::Range{1, 2'147'483'647},
              .help = "raised with every change of the declarations"},
    toml::Key{.name = "min_open",
              .type = toml::Type::kInteger,
              .fallback = "1",
              .range = toml::Range{1, 2'147'483'647},
              .help = "the oldest version whose code still works on this schema"},
    toml::Key{.name = "policy", .type = toml::Type::kTable, .keys = kPolicyKeys, .help = "what to do when in doubt"},
    toml::Key{.name = "collection",
              .type = toml::Type::kArray,
              .item = toml::Type::kTable,
              .keys = kCollectionKeys,
              .help = "a collection"},
    toml::Key{.name = "view", .type = toml::Type::kAny, .later = "*", .help = "a view"},
    toml::Key{.name = "seed", .type = toml::Type::kAny, .later = "*", .help = "documents that must be there"},
    toml::Key{.name = "migration", .type = toml::Type::kAny, .later = "*", .help = "a change of documents"},
};

}  // namespace readygate::schema
