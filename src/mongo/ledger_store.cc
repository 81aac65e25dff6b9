#include "mongo/ledger_store.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/server_codes.h"
#include "mongo/commands.h"
#include "mongo/ledger_bson.h"
#include "schema/fields.h"
#include "schema/names.h"

namespace readygate::mongo {

namespace {

using core::Doing;
using core::Failure;

// False when a document with that _id is there already.
tl::expected<bool, Failure> insert(Client& client, const LedgerPlace& place, const schema::Document& document) {
  schema::Document command;
  bson_t documents;
  BSON_APPEND_UTF8(command.get(), "insert", core::kControlCollection);
  BSON_APPEND_ARRAY_BEGIN(command.get(), "documents", &documents);
  BSON_APPEND_DOCUMENT(&documents, "0", document.get());
  bson_append_array_end(command.get(), &documents);
  auto reply = run(client, Sort::kWrite, place.database, command.get(), nullptr, Doing::kWriteLedger);
  if (reply) return true;
  if (core::said(reply.error(), core::code::kDuplicateKey)) return false;
  return tl::unexpected(std::move(reply.error()));
}

// The filter of a compare-and-set.
void append_match(bson_t* query, const LedgerPlace& place, const core::LedgerMatch& match) {
  BSON_APPEND_UTF8(query, "_id", place.schema_name.c_str());
  if (const auto* rev = std::get_if<core::LedgerRev>(&match)) {
    BSON_APPEND_INT64(query, "token", rev->token);
    BSON_APPEND_UTF8(query, "rev", rev->rev.c_str());
  } else {
    const auto& hold = std::get<core::LedgerHold>(match);
    BSON_APPEND_INT64(query, "token", hold.token);
    BSON_APPEND_UTF8(query, "owner", hold.owner.c_str());
  }
}

// With read concern majority.
tl::expected<schema::Document, Failure> find(Client& client, const LedgerPlace& place,
                                             const schema::Document& command) {
  schema::Document options;
  bson_t child;
  BSON_APPEND_DOCUMENT_BEGIN(options.get(), "readConcern", &child);
  BSON_APPEND_UTF8(&child, "level", "majority");
  bson_append_document_end(options.get(), &child);
  return run(client, Sort::kRead, place.database, command.get(), options.get(), Doing::kReadLedger);
}

// Enough for every schema that one database holds, in one batch.
constexpr std::int32_t kMostSchemas = 10'000;

// The control documents of a database, but for one schema's.
schema::Document find_ledgers(const std::string& but_for, const schema::Document& projection) {
  using schema::append;
  using schema::Document;
  Document others;
  append(others, "$ne", but_for);
  Document there;
  append(there, "$exists", true);
  Document filter;
  append(filter, "_id", others);
  append(filter, "owns", there);  // what is kept of versions and migrations has none
  Document command;
  append(command, "find", core::kControlCollection);
  append(command, "filter", filter);
  if (!projection.empty()) append(command, "projection", projection);
  append(command, "batchSize", kMostSchemas);
  append(command, "singleBatch", true);
  return command;
}

// Of one control document, what it says that its schema made.
void add_owners(const schema::Document& control, const std::vector<std::string>& collections,
                std::vector<schema::ForeignOwner>& owners) {
  const auto id = schema::field(control, "_id");
  const auto owns = schema::field(control, "owns");
  const auto entries = owns ? owns->document() : std::nullopt;
  if (!id || !id->string() || !entries) return;
  for (const schema::Field& each : schema::fields(*entries)) {
    const auto entry = each.document();
    const auto created = entry ? schema::field(*entry, "created") : std::nullopt;
    const auto name = entry ? schema::field(*entry, "collection") : std::nullopt;
    const auto collection = name ? name->string() : std::nullopt;
    if (!created || !created->truthy() || !collection) continue;
    if (std::find(collections.begin(), collections.end(), *collection) == collections.end()) continue;
    owners.push_back({*collection, *id->string()});
  }
}

}  // namespace

core::Failure damaged(const LedgerPlace& place, const std::string& id, const std::string& what) {
  return Failure{core::Domain::kDamaged,
                 0,
                 Doing::kReadLedger,
                 fmt::format("the document {{_id: \"{}\"}} of {}.{} is damaged: {}", id, place.database,
                             core::kControlCollection, what),
                 {}};
}

tl::expected<std::vector<schema::ForeignOwner>, Failure> read_owners(Client& client, const LedgerPlace& place,
                                                                     const std::vector<std::string>& collections) {
  schema::Document projection;
  schema::append(projection, "owns", 1);
  const auto reply = find(client, place, find_ledgers(place.schema_name, projection));
  if (!reply) return tl::unexpected(reply.error());
  std::vector<schema::ForeignOwner> owners;
  for (const schema::Document& control : first_batch(*reply).value_or(Batch{}).documents) {
    add_owners(control, collections, owners);
  }
  return owners;
}

tl::expected<std::vector<core::Ledger>, Failure> read_ledgers(Client& client, const std::string& database) {
  const LedgerPlace all{database, ""};  // no schema has that name
  const auto reply = find(client, all, find_ledgers(all.schema_name, {}));
  if (!reply) return tl::unexpected(reply.error());
  std::vector<core::Ledger> ledgers;
  for (const schema::Document& control : first_batch(*reply).value_or(Batch{}).documents) {
    const auto id = schema::field(control, "_id");
    const std::string name = id ? id->string().value_or("") : "";
    if (!schema::schema_name_mistake(name).empty()) continue;  // nothing of ours
    auto ledger = ledger_from(*control.get());
    if (!ledger) return tl::unexpected(damaged(all, name, ledger.error()));
    ledgers.push_back(std::move(*ledger));
  }
  std::sort(ledgers.begin(), ledgers.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return ledgers;
}

tl::expected<core::LedgerRead, Failure> read_ledger(Client& client, const LedgerPlace& place) {
  schema::Document command;
  bson_t child;
  BSON_APPEND_UTF8(command.get(), "find", core::kControlCollection);
  BSON_APPEND_DOCUMENT_BEGIN(command.get(), "filter", &child);
  BSON_APPEND_UTF8(&child, "_id", place.schema_name.c_str());
  bson_append_document_end(command.get(), &child);
  BSON_APPEND_INT32(command.get(), "limit", 1);
  BSON_APPEND_BOOL(command.get(), "singleBatch", true);
  auto reply = find(client, place, command);
  if (!reply) return tl::unexpected(std::move(reply.error()));
  const Batch found = first_batch(*reply).value_or(Batch{});
  if (found.documents.empty()) return core::LedgerRead{};
  auto ledger = ledger_from(*found.documents.front().get());
  if (!ledger) {
    return tl::unexpected(damaged(place, place.schema_name, ledger.error()));
  }
  return core::LedgerRead{std::move(*ledger)};
}

tl::expected<core::LedgerWritten, Failure> insert_ledger(Client& client, const LedgerPlace& place,
                                                         const core::InsertLedger& insertion) {
  return insert(client, place, to_bson(insertion.first)).map([](bool mine) { return core::LedgerWritten{mine, {}}; });
}

tl::expected<core::LedgerWritten, Failure> change_ledger(Client& client, const LedgerPlace& place,
                                                         const core::ChangeLedger& change) {
  schema::Document command;
  bson_t child;
  BSON_APPEND_UTF8(command.get(), "findAndModify", core::kControlCollection);
  BSON_APPEND_DOCUMENT_BEGIN(command.get(), "query", &child);
  append_match(&child, place, change.match);
  bson_append_document_end(command.get(), &child);
  BSON_APPEND_DOCUMENT_BEGIN(command.get(), "update", &child);
  BSON_APPEND_DOCUMENT(&child, "$set", fields_of(change.next, change.fields).get());
  bson_append_document_end(command.get(), &child);
  BSON_APPEND_DOCUMENT_BEGIN(command.get(), "fields", &child);
  BSON_APPEND_INT32(&child, "_id", 1);
  bson_append_document_end(command.get(), &child);
  auto reply = run(client, Sort::kWrite, place.database, command.get(), nullptr, Doing::kWriteLedger);
  if (!reply) return tl::unexpected(std::move(reply.error()));
  // The document as it was, or null when the filter found none.
  bson_iter_t value;
  const bool won = bson_iter_init_find(&value, reply->get(), "value") && BSON_ITER_HOLDS_DOCUMENT(&value);
  return core::LedgerWritten{won, {}};
}

tl::expected<void, Failure> keep_history(Client& client, const LedgerPlace& place, const core::Applied& applied) {
  return insert(client, place, history_entry(place.schema_name, applied)).map([](bool) {});
}

}  // namespace readygate::mongo
