// The limits are those of MongoDB 4.4 and later where they differ, and of all platforms for databases, so that a schema
// can move. The 127 bytes of an index name were lifted in 4.2; a compatible server may still have them.
#include "schema/names.h"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

#include "schema/encryption.h"

namespace readygate::schema {
namespace {

constexpr std::size_t kMaxSchemaName = 64;
constexpr std::size_t kMaxDatabaseName = 63;
constexpr std::size_t kMaxIndexName = 127;

bool has_nul(std::string_view name) { return name.find('\0') != std::string_view::npos; }

}  // namespace

std::string schema_name_mistake(std::string_view name) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; };
  if (name.empty()) return "must not be empty";
  if (name.size() > kMaxSchemaName) return fmt::format("must be at most {} characters long", kMaxSchemaName);
  if (!std::all_of(name.begin(), name.end(), allowed)) return "may hold only a-z, 0-9, \"_\" and \"-\"";
  return {};
}

std::string database_name_mistake(std::string_view name) {
  if (name.empty()) return "must not be empty";
  if (name.size() > kMaxDatabaseName) return fmt::format("must be at most {} bytes long", kMaxDatabaseName);
  if (has_nul(name)) return "must not hold a NUL byte";
  if (name.find_first_of("/\\. \"$*<>:|?") != std::string_view::npos) {
    return "must not hold a space or any of /\\.\"$*<>:|?";
  }
  if (name == "admin" || name == "local" || name == "config") return "is one of the server's own databases";
  return {};
}

std::string collection_name_mistake(std::string_view name, std::string_view database) {
  if (name.empty()) return "must not be empty";
  if (has_nul(name)) return "must not hold a NUL byte";
  if (name.find('$') != std::string_view::npos) return "must not hold a \"$\"";
  if (name.starts_with("system.")) return "must not begin with \"system.\": those are the server's own";
  if (name.starts_with('.') || name.ends_with('.')) return "must not begin or end with a dot";
  if (name.starts_with(kStatePrefix)) {
    return fmt::format("must not begin with \"{}\": those go along with a collection that has encrypted fields",
                       kStatePrefix);
  }
  if (name == kLedgerCollection) return "is reserved: readygate keeps its own state there";
  if (database.size() + 1 + name.size() > kMaxNamespace) {
    return fmt::format("is too long: database, dot and collection may be {} bytes together", kMaxNamespace);
  }
  return {};
}

std::string index_name_mistake(std::string_view name) {
  if (name.empty()) return "must not be empty";
  if (has_nul(name)) return "must not hold a NUL byte";
  if (name == "*") return "is not allowed: dropping \"*\" means all indexes";
  if (name == "_id_") return "is reserved for the index on _id, which the server makes itself";
  if (name.size() > kMaxIndexName) return fmt::format("must be at most {} bytes long", kMaxIndexName);
  return {};
}

std::string field_path_mistake(std::string_view path, IndexKind kind) {
  if (path.empty()) return "must not be empty";
  if (has_nul(path)) return "must not hold a NUL byte";
  if (path == "$**" && (kind == IndexKind::kWildcard || kind == IndexKind::kText)) return {};
  if (path == "_fts" || path == "_ftsx") return "is reserved for text indexes";
  bool first = true;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    const bool last = end == path.size();
    if (part.empty()) return "must not have an empty part between, before or after its dots";
    const bool reference = !first && (part == "$db" || part == "$id" || part == "$ref");  // parts of a DBRef
    const bool wildcard = last && part == "$**" && kind == IndexKind::kWildcard;
    if (part.starts_with('$') && !reference && !wildcard) return "must not have a part that begins with \"$\"";
    first = false;
    begin = end + 1;
  }
  return {};
}

}  // namespace readygate::schema
