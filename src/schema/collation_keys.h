// The members of a collation, as collections, views and indexes can have one.
// https://www.mongodb.com/docs/manual/reference/collation/
#pragma once

#include <array>
#include <string_view>

#include "toml/keys.h"

namespace readygate::schema {

// What a collation leaves out has a value all the same. `fallback` is that value where it is one for all languages; the
// others (caseFirst, alternate, normalization, backwards) are the language's own, and are compared only when declared.
struct CollationOption {
  toml::Key key;
  std::string_view server;
};

inline constexpr std::array kCollationOptions = {
    CollationOption{.key = {.name = "locale",
                            .type = toml::Type::kString,
                            .required = true,
                            .range = toml::Range{1, 128},
                            .help = "the language: \"en\", \"fr_CA\", \"de@collation=phonebook\"; \"simple\": bytes",
                            .example = "{ locale = \"en\" }"},
                    .server = "locale"},
    CollationOption{.key = {.name = "strength",
                            .type = toml::Type::kInteger,
                            .fallback = "3",
                            .range = toml::Range{1, 5},
                            .help = "1: letters alone count; 2: accents too; 3: and upper or lower case",
                            .example = "{ locale = \"en\", strength = 2 }"},
                    .server = "strength"},
    CollationOption{.key = {.name = "case_level",
                            .type = toml::Type::kBoolean,
                            .fallback = "false",
                            .help = "case counts at strength 1 or 2 as well",
                            .example = "{ locale = \"en\", strength = 1, case_level = true }"},
                    .server = "caseLevel"},
    CollationOption{.key = {.name = "case_first",
                            .type = toml::Type::kString,
                            .allowed = "upper|lower|off",
                            .help = "which case sorts first; the language's own where it is not given",
                            .example = "{ locale = \"en\", case_first = \"upper\" }"},
                    .server = "caseFirst"},
    CollationOption{.key = {.name = "numeric_ordering",
                            .type = toml::Type::kBoolean,
                            .fallback = "false",
                            .help = "digits in a string are compared as numbers: \"2\" before \"10\"",
                            .example = "{ locale = \"en\", numeric_ordering = true }"},
                    .server = "numericOrdering"},
    CollationOption{.key = {.name = "alternate",
                            .type = toml::Type::kString,
                            .allowed = "non-ignorable|shifted",
                            .help = "shifted: spaces and punctuation count only at strength 4 and 5",
                            .example = "{ locale = \"en\", alternate = \"shifted\" }"},
                    .server = "alternate"},
    CollationOption{.key = {.name = "max_variable",
                            .type = toml::Type::kString,
                            .fallback = "punct",
                            .allowed = "punct|space",
                            .help = "what \"shifted\" is about: punctuation and spaces, or spaces alone",
                            .example = "{ locale = \"en\", alternate = \"shifted\", max_variable = \"space\" }"},
                    .server = "maxVariable"},
    CollationOption{.key = {.name = "normalization",
                            .type = toml::Type::kBoolean,
                            .help = "whether text is normalised before it is compared; the language's own if not given",
                            .example = "{ locale = \"vi\", normalization = true }"},
                    .server = "normalization"},
    CollationOption{.key = {.name = "backwards",
                            .type = toml::Type::kBoolean,
                            .help = "accents are compared from the end of the word; the language's own if not given",
                            .example = "{ locale = \"fr\", backwards = true }"},
                    .server = "backwards"},
};

namespace detail {

constexpr auto collation_keys() {
  std::array<toml::Key, kCollationOptions.size()> keys{};
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = kCollationOptions[i].key;
  return keys;
}

}  // namespace detail

inline constexpr auto kCollationKeys = detail::collation_keys();

}  // namespace readygate::schema
