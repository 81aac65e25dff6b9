// What [[seed]] and [[migration]] can be declared with: parsing, checking and the documentation follow these tables.
#pragma once

#include <array>

#include "toml/keys.h"

namespace readygate::schema {

inline constexpr std::array kSeedKeys = {
    toml::Key{.name = "collection", .required = true, .help = "a collection that this schema declares"},
    toml::Key{.name = "mode",
              .fallback = "insert_missing",
              .allowed = "insert_missing|merge|replace",
              .help =
                  "insert_missing: documents whose _id is not there, at every apply; merge: their top-level fields are "
                  "set; replace: they are replaced as a whole. The last two once per content"},
    toml::Key{.name = "docs", .help = "Extended JSON: an array of documents, each with an _id. This or docs_file"},
    toml::Key{.name = "docs_file",
              .range = toml::Range{1, 4096},
              .help = "the same in a file; a relative path begins at the schema file's folder"},
};

inline constexpr std::array kBatchKeys = {
    toml::Key{.name = "collection", .required = true, .help = "a collection that this schema declares"},
    toml::Key{.name = "size",
              .type = toml::Type::kInteger,
              .fallback = "500",
              .range = toml::Range{1, 10'000},
              .unit = "documents",
              .help = "how many documents one batch changes"},
    toml::Key{.name = "filter",
              .required = true,
              .help = "Extended JSON: which documents are still to be changed; not empty"},
    toml::Key{.name = "update",
              .required = true,
              .help = "Extended JSON: an object of update operators, or an array: the stages of a pipeline"},
};

inline constexpr std::array kMigrationKeys = {
    toml::Key{.name = "id",
              .required = true,
              .range = toml::Range{1, 64},
              .help = "the name under which it is remembered, for ever: a-z, 0-9, \".\", \"_\" and \"-\", at most 64"},
    toml::Key{.name = "phase",
              .fallback = "pre",
              .allowed = "pre|background",
              .help = "pre: once, before the gate opens; background: after, until nothing matches any more"},
    toml::Key{.name = "on_crash",
              .fallback = "resume",
              .allowed = "resume|retry|manual",
              .help = "after an interruption: resume at the checkpoint, retry from the start, or manual: not before a "
                      "person says so"},
    toml::Key{.name = "batch",
              .type = toml::Type::kTable,
              .keys = kBatchKeys,
              .help = "an update of all documents that match. This or commands_file"},
    toml::Key{.name = "commands_file",
              .range = toml::Range{1, 4096},
              .help = "a file with an Extended JSON array of database commands, run one after the other"},
    toml::Key{.name = "pause",
              .type = toml::Type::kDuration,
              .fallback = "0s",
              .range = toml::Range{0, 3'600'000},
              .help = "after each batch or command, to spare the server"},
    toml::Key{.name = "max_time",
              .type = toml::Type::kDuration,
              .fallback = "0s",
              .range = toml::Range{0, 86'400'000},
              .help = "what each command of it may take on the server; 0s: no limit of its own"},
};

}  // namespace readygate::schema
