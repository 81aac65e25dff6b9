// The keys of a schema file: the head and [policy] here, collections, views and indexes in tables of their own.
#pragma once

#include <array>

#include "schema/collection_options.h"
#include "schema/index_options.h"
#include "schema/migration_keys.h"
#include "toml/keys.h"

namespace readygate::schema {

inline constexpr std::array kPolicyKeys = {
    toml::Key{.name = "extra_indexes",
              .fallback = "report",
              .allowed = "report|hide|drop",
              .help = "what is done with an index that this schema made, and that is not declared any more"},
    toml::Key{.name = "conflict",
              .fallback = "fail",
              .allowed = "fail|replace",
              .help = "what is done with an index that is there, but another"},
    toml::Key{.name = "contract",
              .fallback = "report",
              .allowed = "report|apply",
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
    toml::Key{
        .name = "view", .type = toml::Type::kArray, .item = toml::Type::kTable, .keys = kViewKeys, .help = "a view"},
    toml::Key{.name = "seed",
              .type = toml::Type::kArray,
              .item = toml::Type::kTable,
              .keys = kSeedKeys,
              .help = "documents that must be there"},
    toml::Key{.name = "migration",
              .type = toml::Type::kArray,
              .item = toml::Type::kTable,
              .keys = kMigrationKeys,
              .help = "a change of documents"},
};

// Those of the keys above that one file of a folder has, and all others have not; and those that it must have.
inline constexpr std::array<std::string_view, 5> kHeadKeys = {"schema", "database", "version", "min_open", "policy"};
inline constexpr std::array<std::string_view, 3> kRequiredHeadKeys = {"schema", "database", "version"};

}  // namespace readygate::schema
