#include "schema/capabilities.h"

#include <charconv>
#include <optional>
#include <utility>

namespace readygate::schema {
namespace {

using Version = std::pair<int, int>;

std::optional<Version> version_of(const Server& server) {
  const std::string& version = server.mongodb_version.empty() ? server.version : server.mongodb_version;
  Version has{0, 0};
  const char* end = version.data() + version.size();
  const auto [dot, error] = std::from_chars(version.data(), end, has.first);
  if (error != std::errc{}) return std::nullopt;
  if (dot != end && *dot == '.') std::from_chars(dot + 1, end, has.second);
  return has;
}

// True of a version that cannot be read.
bool at_least(const Server& server, int major, int minor) {
  const std::optional<Version> has = version_of(server);
  return !has || *has >= Version(major, minor);
}

}  // namespace

bool mongodb(const Server& server) { return server.product == "mongodb" || !server.mongodb_version.empty(); }

bool can_become_ttl(const Server& server) { return !mongodb(server) || at_least(server, 5, 1); }
bool can_hide(const Server& server) { return !mongodb(server) || at_least(server, 4, 4); }
bool can_make_unique(const Server& server) { return mongodb(server) && at_least(server, 6, 0); }
bool can_resize_capped(const Server& server) { return !mongodb(server) || at_least(server, 6, 0); }
bool can_change_bucket_span(const Server& server) { return !mongodb(server) || at_least(server, 6, 3); }
bool can_log_errors(const Server& server) { return !mongodb(server) || at_least(server, 8, 1); }
bool can_constrain(const Server& server) { return mongodb(server) && at_least(server, 9, 0); }
bool can_encrypt(const Server& server) { return !mongodb(server) || at_least(server, 7, 0); }
bool can_query_encrypted(const Server& server, const QueryType& type) {
  return !mongodb(server) || (at_least(server, type.major, type.minor) && !has_dropped(server, type));
}
bool has_dropped(const Server& server, const QueryType& type) {
  const std::optional<Version> has = version_of(server);
  return mongodb(server) && type.gone_with != 0 && has && has->first >= type.gone_with;
}
bool can_have_same_key_twice(const Server& server) { return !mongodb(server) || at_least(server, 5, 0); }

}  // namespace readygate::schema
