#include "mongo/commands.h"

#include <utility>

#include "mongo/errors.h"
#include "mongo/server_words.h"
#include "schema/fields.h"

namespace readygate::mongo {

tl::expected<schema::Document, core::Failure> run(Client& client, Sort sort, const std::string& database,
                                                  const bson_t* command, const bson_t* options, core::Doing doing) {
  // What is already known to be useless is not asked; the monitors notice when it changes.
  if (auto unusable = client.pool().unusable()) return tl::unexpected(std::move(*unusable));
  bson_t reply;
  bson_error_t error{};
  const std::int64_t started = bson_get_monotonic_time();
  bool done = false;
  switch (sort) {
    case Sort::kRead:
      done = mongoc_client_read_command_with_opts(client.get(), database.c_str(), command, nullptr, options, &reply,
                                                  &error);
      break;
    case Sort::kWrite:
      done = mongoc_client_write_command_with_opts(client.get(), database.c_str(), command, options, &reply, &error);
      break;
    case Sort::kPlain:
      done = mongoc_client_command_with_opts(client.get(), database.c_str(), command, nullptr, options, &reply, &error);
      break;
  }
  const Millis elapsed((bson_get_monotonic_time() - started) / 1000);
  const schema::Document answer(reply);
  bson_destroy(&reply);
  core::Failure failure;
  const bool refused = write_failed(*answer.get(), doing, failure);
  if (!refused && !done) failure = client.failure(error, answer.get(), doing, elapsed);
  if (refused || !done) {
    if (core::overloaded(failure)) client.worked();  // the connection is there, and accepted
    return tl::unexpected(told(std::move(failure), answer, *command));
  }
  // The first answer is also the first time that the server's version is known.
  if (auto unusable = client.pool().unusable()) return tl::unexpected(std::move(*unusable));
  client.worked();
  return answer;
}

std::optional<Batch> first_batch(const schema::Document& reply) {
  const auto field = schema::field(reply, "cursor");
  const auto cursor = field ? field->document() : std::nullopt;
  const auto documents = cursor ? schema::field(*cursor, "firstBatch") : std::nullopt;
  const auto items = documents ? documents->document() : std::nullopt;
  if (!items) return std::nullopt;
  const auto id = schema::field(*cursor, "id");
  Batch batch{{}, id && id->integer() == 0};
  for (const schema::Field& item : schema::fields(*items)) {
    if (auto document = item.document()) batch.documents.push_back(std::move(*document));
  }
  return batch;
}

tl::expected<void, core::Failure> ping(Client& client, core::Doing doing) {
  schema::Document command;
  BSON_APPEND_INT32(command.get(), "ping", 1);
  return run(client, Sort::kPlain, "admin", command.get(), nullptr, doing).map([](const schema::Document&) {});
}

}  // namespace readygate::mongo
