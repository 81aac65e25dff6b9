#include "mongo/current_operations.h"

#include <cstdint>
#include <utility>

#include "core/server_codes.h"
#include "mongo/commands.h"
#include "schema/fields.h"

namespace readygate::mongo {

namespace {

using schema::append;
using schema::Document;

constexpr std::int32_t kMostOperations = 1000;  // operations in one answer

enum class Users { kAll, kOwn };

tl::expected<Document, core::Failure> ask(Client& client, const Document& match, Users users, core::Doing doing) {
  Document current;
  append(current, "allUsers", users == Users::kAll);
  append(current, "idleConnections", false);
  Document first;
  append(first, "$currentOp", current);
  Document second;
  append(second, "$match", match);
  Document cursor;
  append(cursor, "batchSize", kMostOperations);
  Document command;
  append(command, "aggregate", 1);
  append(command, "pipeline", std::vector<Document>{first, second});
  append(command, "cursor", cursor);
  return run(client, Sort::kPlain, "admin", command.get(), nullptr, doing);
}

}  // namespace

tl::expected<std::vector<Document>, core::Failure> current_operations(Client& client, const Document& match,
                                                                      core::Doing doing) {
  auto reply = ask(client, match, Users::kAll, doing);
  const bool refused =
      !reply && reply.error().code == core::code::kUnauthorized &&
      (reply.error().domain == core::Domain::kServer || reply.error().domain == core::Domain::kAuth);  // as_nobody()
  if (refused) reply = ask(client, match, Users::kOwn, doing);
  if (!reply) return tl::unexpected(std::move(reply.error()));
  return first_batch(*reply).value_or(Batch{}).documents;
}

}  // namespace readygate::mongo
