#include "mongo/primary.h"

#include <array>
#include <cstdint>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "core/server_codes.h"
#include "mongo/commands.h"
#include "mongo/settings.h"

namespace readygate::mongo {

namespace {

constexpr Millis kAskPrimaryAgain{20};

tl::expected<schema::Document, core::Failure> hello(Client& client, core::Doing doing) {
  const auto ask = [&](const char* name) {
    schema::Document command;
    BSON_APPEND_INT32(command.get(), name, 1);
    return run(client, Sort::kPlain, "admin", command.get(), nullptr, doing);
  };
  auto reply = ask("hello");
  const bool unknown = !reply && core::said(reply.error(), core::code::kCommandNotFound);  // before MongoDB 4.4.2
  return unknown ? ask("isMaster") : reply;
}

std::string term_of(const schema::Document& reply) {
  bson_iter_t election;
  bson_iter_t version;
  if (!bson_iter_init_find(&election, reply.get(), "electionId") || !BSON_ITER_HOLDS_OID(&election)) return "";
  std::array<char, 25> text{};
  bson_oid_to_string(bson_iter_oid(&election), text.data());
  const bool versioned = bson_iter_init_find(&version, reply.get(), "setVersion");
  return fmt::format("{}/{}", text.data(), versioned ? bson_iter_as_int64(&version) : 0);
}

// Where the log of writes stands: compared within one term, the timestamp alone orders.
struct Position {
  std::uint32_t seconds = 0;
  std::uint32_t increment = 0;
  bool reaches(const Position& other) const {
    return seconds > other.seconds || (seconds == other.seconds && increment >= other.increment);
  }
};

std::optional<Position> position(const schema::Document& reply, const char* path) {
  bson_iter_t at;
  bson_iter_t found;
  if (!bson_iter_init(&at, reply.get()) || !bson_iter_find_descendant(&at, path, &found) ||
      !BSON_ITER_HOLDS_TIMESTAMP(&found)) {
    return std::nullopt;
  }
  Position position;
  bson_iter_timestamp(&found, &position.seconds, &position.increment);
  return position;
}

core::Failure no_majority(int code, std::string message) {
  return {core::Domain::kServer, code, core::Doing::kReadCatalog, std::move(message), {}};
}

}  // namespace

tl::expected<std::string, core::Failure> primary_term(Client& client, core::Doing doing) {
  if (client.pool().watch().topology() == "standalone") return std::string();  // nobody else is ever elected
  return hello(client, doing).map(term_of);
}

tl::expected<void, core::Failure> await_majority(Client& client, const std::string& term) {
  std::optional<Position> wanted;
  for (Millis waited{0};; waited += kAskPrimaryAgain) {
    const auto reply = hello(client, core::Doing::kReadCatalog);
    if (!reply) return tl::unexpected(reply.error());
    if (term_of(*reply) != term) {
      return tl::unexpected(
          no_majority(core::code::kNotWritablePrimary, "another primary was elected while the catalog was read"));
    }
    if (!wanted) wanted = position(*reply, "lastWrite.opTime.ts");
    const std::optional<Position> reached = position(*reply, "lastWrite.majorityOpTime.ts");
    if (!wanted || !reached || reached->reaches(*wanted)) return {};
    if (waited >= kWriteConcernTimeout) {
      return tl::unexpected(no_majority(core::code::kWriteConcernFailed,
                                        "a majority of the members does not have yet what the primary shows"));
    }
    std::this_thread::sleep_for(kAskPrimaryAgain);
  }
}

}  // namespace readygate::mongo
