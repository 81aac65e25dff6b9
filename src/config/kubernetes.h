// The [kubernetes] table: where the API server is and which pod we are.
#pragma once

#include "config/settings.h"
#include "toml/keys.h"

namespace readygate::config {

// Adds a mistake for each member that is missing or cannot be one, where the condition or Events are on. `place`: of
// what turned them on.
void check_kubernetes(const toml::Reader& table, const Given& given, const toml::Place& place,
                      toml::Mistakes& mistakes);

// Of a table without such mistakes.
Settings::Kubernetes read_kubernetes(const toml::Reader& table, const Given& given);

}  // namespace readygate::config
