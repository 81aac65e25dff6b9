#include "mongo/current_operations.h"

#include <cstdint>
#include <utility>

#include "mongo/commands.h"
#include "schema/fields.h"

namespace readygate::mongo {

namespace {

using schema::append;
using schema::Document;

constexpr int kUnauthorized = 13;
constexpr std::int32_t kMost = 1000;  // operations in one answer

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
  append(cursor, "batchSize", kMost);
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
  const bool refused = !reply && reply.error().domain == core::Domain::kServer && reply.error().code == kUnauthorized;
  if (refused) reply = ask(client, match, Users::kOwn, doing);
  if (!reply) return tl::unexpected(std::move(reply.error()));
  const auto cursor = schema::field(*reply, "cursor");
  const auto inside = cursor ? cursor->document() : std::nullopt;
  const auto batch = inside ? schema::field(*inside, "firstBatch") : std::nullopt;
  const auto items = batch ? batch->document() : std::nullopt;
  std::vector<Document> found;
  if (!items) return found;
  for (const schema::Field& item : schema::fields(*items)) {
    if (auto document = item.document()) found.push_back(std::move(*document));
  }
  return found;
}

}  // namespace readygate::mongo
