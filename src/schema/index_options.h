// The one table of what an index can be declared with: the key in the schema file, the option that the server knows it
// by, its form, and the kinds of index that take it. Parsing, checking, comparing and the documentation follow it.
//
// "Replaced", in a table of changes: only with policy.conflict = "replace" and policy.contract = "apply"; otherwise it
// is a conflict, or reported.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "schema/collation_keys.h"
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
  kCollation,
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
                        .help = "no two documents may have the same key",
                        .changing = "to true: in place since 6.0 (contract), else replaced; to false: replaced",
                        .example = "true"},
                .server = "unique",
                .form = Form::kBoolean,
                .kinds = IndexKind::kPlain | IndexKind::kText | IndexKind::k2d | IndexKind::k2dsphere,
                .signature = true},
    IndexOption{.key = {.name = "sparse",
                        .type = toml::Type::kBoolean,
                        .fallback = "false",
                        .help = "leaves out documents that lack the field",
                        .changing = "replaced",
                        .example = "true"},
                .server = "sparse",
                .form = Form::kBoolean,
                .kinds = IndexKind::kPlain | IndexKind::kHashed,
                .signature = true},
    IndexOption{.key = {.name = "partial",
                        .type = toml::Type::kString,
                        .help = "Extended JSON: only documents that match this filter are in the index",
                        .changing = "replaced",
                        .example = R"('{ "a": { "$exists": true } }')"},
                .server = "partialFilterExpression",
                .form = Form::kDocument,
                .kinds = kAnyKind,
                .signature = true},
    IndexOption{.key = {.name = "expire_after",
                        .type = toml::Type::kDuration,
                        .or_type = toml::Type::kInteger,
                        .unit = "s",
                        .help = "documents are deleted so long after the date in the field; a number is in seconds",
                        .changing = "in place; from none: in place since 5.1, else replaced; to none: replaced",
                        .example = "\"30m\""},
                .server = "expireAfterSeconds",
                .form = Form::kSeconds,
                .kinds = static_cast<IndexKinds>(IndexKind::kPlain)},
    IndexOption{.key = {.name = "weights",
                        .type = toml::Type::kTable,
                        .item = toml::Type::kInteger,
                        .range = toml::Range{1, 99'999},
                        .free_keys = true,
                        .help = "how much a field of a text index counts; 1 where not given",
                        .changing = "replaced",
                        .example = "{ title = 10 }"},
                .server = "weights",
                .form = Form::kWeights,
                .kinds = static_cast<IndexKinds>(IndexKind::kText)},
    IndexOption{.key = {.name = "default_language",
                        .type = toml::Type::kString,
                        .fallback = "english",
                        .range = toml::Range{1, 64},
                        .help = "the language of a text index",
                        .changing = "replaced",
                        .example = "\"german\""},
                .server = "default_language",
                .form = Form::kWord,
                .kinds = static_cast<IndexKinds>(IndexKind::kText)},
    IndexOption{.key = {.name = "language_override",
                        .type = toml::Type::kString,
                        .fallback = "language",
                        .range = toml::Range{1, 256},
                        .help = "the field in which a document names its language",
                        .changing = "replaced",
                        .example = "\"lang\""},
                .server = "language_override",
                .form = Form::kWord,
                .kinds = static_cast<IndexKinds>(IndexKind::kText)},
    IndexOption{.key = {.name = "bits",
                        .type = toml::Type::kInteger,
                        .fallback = "26",
                        .range = toml::Range{1, 32},
                        .help = "the precision of a 2d index",
                        .changing = "replaced",
                        .example = "20"},
                .server = "bits",
                .form = Form::kNumber,
                .kinds = static_cast<IndexKinds>(IndexKind::k2d)},
    IndexOption{.key = {.name = "min",
                        .type = toml::Type::kFloat,
                        .fallback = "-180",
                        .help = "the lower bound of a 2d index",
                        .changing = "replaced",
                        .example = "-90"},
                .server = "min",
                .form = Form::kNumber,
                .kinds = static_cast<IndexKinds>(IndexKind::k2d)},
    IndexOption{.key = {.name = "max",
                        .type = toml::Type::kFloat,
                        .fallback = "180",
                        .help = "the upper bound of a 2d index",
                        .changing = "replaced",
                        .example = "90"},
                .server = "max",
                .form = Form::kNumber,
                .kinds = static_cast<IndexKinds>(IndexKind::k2d)},
    IndexOption{
        .key = {.name = "wildcard_projection",
                .type = toml::Type::kString,
                .help = "Extended JSON: the fields that an index on \"$**\" covers, or those that it leaves out",
                .changing = "replaced",
                .example = R"('{ "a": 1 }')"},
        .server = "wildcardProjection",
        .form = Form::kDocument,
        .kinds = static_cast<IndexKinds>(IndexKind::kWildcard),
        .signature = true},
    IndexOption{.key = {.name = "hidden",
                        .type = toml::Type::kBoolean,
                        .fallback = "false",
                        .help = "kept up to date, and not used by queries",
                        .since = "4.4",
                        .changing = "in place",
                        .example = "true"},
                .server = "hidden",
                .form = Form::kBoolean,
                .kinds = kAnyKind},
    IndexOption{.key = {.name = "collation",
                        .type = toml::Type::kTable,
                        .keys = kCollationKeys,
                        .help = "how strings are compared; the collection's where it is not given, and none with "
                                "{ locale = \"simple\" }",
                        .changing = "replaced",
                        .example = "{ locale = \"en\", strength = 2 }"},
                .server = "collation",
                .form = Form::kCollation,
                .kinds = IndexKind::kPlain | IndexKind::kHashed | IndexKind::k2dsphere | IndexKind::kWildcard,
                .signature = true},
    IndexOption{.key = {.name = "text_version",
                        .type = toml::Type::kInteger,
                        .range = toml::Range{1, 4},
                        .help = "the version of a text index; the server's newest where it is not given",
                        .changing = "replaced",
                        .example = "3"},
                .server = "textIndexVersion",
                .form = Form::kNumber,
                .kinds = static_cast<IndexKinds>(IndexKind::kText)},
    IndexOption{.key = {.name = "sphere_version",
                        .type = toml::Type::kInteger,
                        .range = toml::Range{1, 4},
                        .help = "the version of a 2dsphere index; the server's newest where it is not given",
                        .changing = "replaced",
                        .example = "3"},
                .server = "2dsphereIndexVersion",
                .form = Form::kNumber,
                .kinds = static_cast<IndexKinds>(IndexKind::k2dsphere)},
    IndexOption{.key = {.name = "storage_engine",
                        .type = toml::Type::kString,
                        .help = "Extended JSON: options of the server's storage engine",
                        .changing = "replaced",
                        .example = R"('{ "wiredTiger": { "configString": "prefix_compression=true" } }')"},
                .server = "storageEngine",
                .form = Form::kDocument,
                .kinds = kAnyKind},
};

namespace detail {

constexpr auto index_keys() {
  using toml::Key;
  using toml::Type;
  std::array<Key, kIndexOptions.size() + 2> keys = {
      Key{.name = "name",
          .type = Type::kString,
          .help = "the name; where it is not given, the one that drivers make: field_1_other_-1",
          .changing = "none: the index that is there serves under its old name",
          .example = "\"by_customer\""},
      Key{.name = "key",
          .type = Type::kArray,
          .item = Type::kArray,
          .required = true,
          .range = toml::Range{1, 32},
          .help = "[[field, 1 | -1 | \"text\" | \"hashed\" | \"2d\" | \"2dsphere\"], ...], in the order of the index",
          .changing = "replaced",
          .example = R"([["customer", 1], ["placed", -1]])"},
  };
  for (std::size_t i = 0; i < kIndexOptions.size(); ++i) keys[i + 2] = kIndexOptions[i].key;
  return keys;
}

}  // namespace detail

inline constexpr auto kIndexKeys = detail::index_keys();

}  // namespace readygate::schema
