// The two files that every command but wait and status begins with: the configuration and the schema that it names.
#pragma once

#include <string>

#include <tl/expected.hpp>

#include "cli/command_line.h"
#include "config/settings.h"
#include "schema/schema.h"

namespace readygate::cli {

struct Inputs {
  config::Settled config;
  schema::Schema schema;  // its database is the one in force: mongodb.database beats the schema's own
  std::string schema_path;
};

config::Given given(const CommandLine& line);

// Every mistake of the configuration, or, when it is valid, every mistake of the schema that it names.
tl::expected<Inputs, toml::Mistakes> load_inputs(const CommandLine& line, config::NeedUri need_uri);

// The schema file alone, as `run` reads it again.
tl::expected<schema::Schema, toml::Mistakes> load_schema(const config::Settings& settings);

// The mistakes on stderr, or as JSON on stdout; the exit code to end with.
int report(const toml::Mistakes& mistakes, OutputFormat format);

}  // namespace readygate::cli
