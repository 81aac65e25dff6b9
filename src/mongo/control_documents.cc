#include "mongo/control_documents.h"

#include <utility>

#include <fmt/format.h>

#include "mongo/handles.h"
#include "mongo/ledger_bson.h"
#include "schema/fields.h"

namespace readygate::mongo {

namespace {

using core::Failure;
using schema::append;
using schema::Document;

// _ids that begin with "<schema>/<kind>/": "0" is the character after "/".
Document range(const LedgerPlace& place, std::string_view kind) {
  Document bounds;
  append(bounds, "$gte", fmt::format("{}/{}/", place.schema_name, kind));
  append(bounds, "$lt", fmt::format("{}/{}0", place.schema_name, kind));
  Document filter;
  append(filter, "_id", bounds);
  return filter;
}

}  // namespace

tl::expected<std::vector<Document>, Failure> control_documents(Client& client, const LedgerPlace& place,
                                                               const std::vector<std::string_view>& kinds) {
  std::vector<Document> ranges;
  for (const std::string_view kind : kinds) ranges.push_back(range(place, kind));
  Document filter;
  append(filter, "$or", ranges);
  Document concern;
  append(concern, "level", "majority");
  Document options;
  append(options, "readConcern", concern);
  const CollectionHandle collection{
      mongoc_client_get_collection(client.get(), place.database.c_str(), core::kControlCollection)};
  const std::int64_t started = bson_get_monotonic_time();
  const CursorHandle cursor{mongoc_collection_find_with_opts(collection.get(), filter.get(), options.get(), nullptr)};
  std::vector<Document> documents;
  const bson_t* each = nullptr;
  while (mongoc_cursor_next(cursor.get(), &each)) documents.emplace_back(*each);
  bson_error_t error{};
  const bson_t* reply = nullptr;
  if (mongoc_cursor_error_document(cursor.get(), &error, &reply)) {
    const Millis elapsed((bson_get_monotonic_time() - started) / 1000);
    return tl::unexpected(client.failure(error, reply, core::Doing::kReadLedger, elapsed));
  }
  client.worked();
  return documents;
}

tl::expected<std::vector<core::Applied>, Failure> read_history(Client& client, const LedgerPlace& place) {
  const auto documents = control_documents(client, place, {"v"});
  if (!documents) return tl::unexpected(documents.error());
  std::vector<core::Applied> versions;
  for (const Document& each : *documents) {
    auto applied = applied_from(*each.get());
    if (!applied) {
      const auto id = schema::field(each, "_id");
      return tl::unexpected(damaged(place, id ? id->string().value_or("") : "", applied.error()));
    }
    versions.push_back(std::move(*applied));
  }
  return versions;
}

}  // namespace readygate::mongo
