// Every setting of the daemon, declared once: the configuration file, the READYGATE_… variables, the flags, their help,
// their defaults and docs/configuration.md all come from this table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "toml/keys.h"

namespace readygate::config {

// The keys of readygate.toml: `schema` and one table per section.
toml::Keys keys();

// One setting under its three names.
struct Option {
  std::string section;           // "gate", or "" for `schema`
  const toml::Key* key;          // static
  std::string path() const;      // "gate.unready_after"
  std::string flag() const;      // "--gate-unready-after"
  std::string variable() const;  // "READYGATE_GATE_UNREADY_AFTER"
};
const std::vector<Option>& options();

// Kubernetes invents READYGATE_SERVICE_HOST, READYGATE_PORT_8088_TCP and the like for a Service named readygate. They
// are never settings, and no setting may have such a name.
bool invented_by_kubernetes(std::string_view variable);

}  // namespace readygate::config
