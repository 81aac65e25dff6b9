// What goes along with encrypted fields: the server must know them, and their state collections come first, as drivers
// make them. Nothing of it is ever changed or dropped.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/json.h"
#include "schema/capabilities.h"
#include "schema/commands.h"
#include "schema/draft.h"
#include "schema/encryption.h"
#include "schema/normalise.h"

namespace readygate::schema {
namespace {

// The first of the declared queries that the server does not know.
const QueryType* unknown_query(const Document& encrypted_fields, const Server& server) {
  const std::vector<std::string> declared = queried_types(encrypted_fields);
  for (const QueryType& type : query_types()) {
    if (can_query_encrypted(server, type)) continue;
    if (std::find(declared.begin(), declared.end(), type.name) != declared.end()) return &type;
  }
  return nullptr;
}

const QueryType* dropped_query(const Document& encrypted_fields, const Server& server) {
  const QueryType* type = unknown_query(encrypted_fields, server);
  return type != nullptr && has_dropped(server, *type) ? type : nullptr;
}

// What was written for a preview type has other tokens: no rename makes it readable for the type that took its place.
std::string why_unknown(const QueryType& type, const Server& server) {
  if (!has_dropped(server, type)) {
    return fmt::format("has queries of the type \"{}\", which need MongoDB {}.{} or later, and this is {}", type.name,
                       type.major, type.minor, server.version);
  }
  return fmt::format(
      "has queries of the type \"{0}\", which MongoDB has from {1}.{2} until {3}.0 alone, and this is {4}. \"{5}\" "
      "took "
      "its place, and does not find what was encrypted for \"{0}\": declare another collection with \"{5}\", let a "
      "client that has the keys read each document of this one and insert it there, then drop this one by hand",
      type.name, type.major, type.minor, type.gone_with, server.version, type.replaced);
}

void add_conflict(const Document& encrypted, const std::string& lacks, Draft& draft) {
  draft.conflict("", std::string(kEncryptedFields), encrypted.to_json(), "",
                 fmt::format("{} is declared with encrypted fields: that {}", json_quote(draft.collection), lacks));
}

}  // namespace

bool can_be_encrypted(const Document& wanted, Draft& draft) {
  const Document encrypted = *field(wanted, kEncryptedFields)->document();
  std::string lacks;
  if (!can_encrypt(draft.server)) {
    lacks = fmt::format("needs MongoDB 7.0 or later, and this is {}", draft.server.version);
  } else if (mongodb(draft.server) && draft.server.topology == "standalone") {
    lacks = "needs a replica set or a sharded cluster, and this is a standalone server";
  } else if (const QueryType* type = unknown_query(encrypted, draft.server)) {
    lacks = why_unknown(*type, draft.server);
  }
  if (lacks.empty()) return true;
  add_conflict(encrypted, lacks, draft);
  return false;
}

void find_dropped_queries(const Document& wanted, Draft& draft) {
  const Document encrypted = *field(wanted, kEncryptedFields)->document();
  const QueryType* type = dropped_query(encrypted, draft.server);
  if (type != nullptr && !draft.contradicts(kEncryptedFields)) {
    add_conflict(encrypted, why_unknown(*type, draft.server), draft);
    return;
  }
  // Who only renames the type in the file is told the same.
  const std::optional<Field> live = field(draft.live->options, kEncryptedFields);
  const QueryType* before = live && live->document() ? dropped_query(*live->document(), draft.server) : nullptr;
  if (before == nullptr) return;
  for (Finding& finding : draft.findings) {
    if (finding.option != kEncryptedFields) continue;
    finding.message += fmt::format(". The one that is there {}", why_unknown(*before, draft.server));
  }
}

void diff_state(const std::string& served, Draft& draft) {
  const Document wanted = state_options();
  if (draft.live == nullptr) {
    Step step = draft.step(StepKind::kCreateCollection, fmt::format("create state collection of {}", served),
                           create_command(draft.collection, wanted));
    step.serves = served;
    draft.additive.push_back(std::move(step));
  } else {
    diff_options(wanted, draft);
  }
}

}  // namespace readygate::schema
