// A checksum is over the BSON bytes, which a standard fixes, and not over a text that some library writes: it is kept
// in databases for years.
#include "schema/migration.h"

#include <cstddef>
#include <string_view>

#include <fmt/format.h>

#include "base/json.h"
#include "schema/digest.h"

namespace readygate::schema {
namespace {

std::string exact(const Document& document) { return hex(bson_get_data(document.get()), document.get()->len); }

std::string checksum(std::string_view text) { return fmt::format("{}:{}", kChecksumFormat, sha256(text)); }

}  // namespace

std::string_view name(Seed::Mode mode) {
  switch (mode) {
    case Seed::Mode::kInsertMissing: return "insert_missing";
    case Seed::Mode::kMerge: return "merge";
    case Seed::Mode::kReplace: return "replace";
  }
  return "";
}

std::string_view name(Migration::Phase phase) { return phase == Migration::Phase::kPre ? "pre" : "background"; }

std::string id_key(const Field& id) {
  Document alone;
  if (const auto whole = id.integer()) {
    append(alone, "", *whole);
  } else {
    append(alone, "", id);
  }
  return std::string(reinterpret_cast<const char*>(bson_get_data(alone.get())), alone.get()->len);
}

std::string checksum_of(const Seed& seed) {
  std::string text = fmt::format("seed {} {}\n", name(seed.mode), json_quote(seed.collection));
  for (const Document& document : seed.docs) text += exact(document) + "\n";
  return checksum(text);
}

std::string checksum_of(const Migration& migration) {
  std::string text;
  if (const Batch* batch = migration.batch()) {
    text = fmt::format("batch {}\nfilter {}\n{} {}\n", json_quote(batch->collection), exact(batch->filter),
                       batch->pipeline ? "pipeline" : "update", exact(batch->update));
  } else {
    for (const Document& command : migration.commands()->commands) text += fmt::format("command {}\n", exact(command));
  }
  return checksum(text);
}

}  // namespace readygate::schema
