#include "schema/capabilities.h"

#include <charconv>
#include <utility>

namespace readygate::schema {
namespace {

// True of a version that cannot be read.
bool at_least(const Server& server, int major, int minor) {
  int has_major = 0;
  int has_minor = 0;
  const char* end = server.version.data() + server.version.size();
  const auto [dot, error] = std::from_chars(server.version.data(), end, has_major);
  if (error != std::errc{}) return true;
  if (dot != end && *dot == '.') std::from_chars(dot + 1, end, has_minor);
  return std::pair(has_major, has_minor) >= std::pair(major, minor);
}

bool mongodb(const Server& server) { return server.product == "mongodb"; }

}  // namespace

bool can_become_ttl(const Server& server) { return !mongodb(server) || at_least(server, 5, 1); }
bool can_hide(const Server& server) { return !mongodb(server) || at_least(server, 4, 4); }
bool can_make_unique(const Server& server) { return mongodb(server) && at_least(server, 6, 0); }
bool can_resize_capped(const Server& server) { return !mongodb(server) || at_least(server, 6, 0); }
bool can_change_bucket_span(const Server& server) { return !mongodb(server) || at_least(server, 6, 3); }
bool can_encrypt(const Server& server) { return !mongodb(server) || at_least(server, 7, 0); }
bool can_query_encrypted(const Server& server, const QueryType& type) {
  return !mongodb(server) || at_least(server, type.major, type.minor);
}
bool can_have_same_key_twice(const Server& server) { return !mongodb(server) || at_least(server, 5, 0); }

}  // namespace readygate::schema
