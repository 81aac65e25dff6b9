#include "mongo/batch_runner.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/server_rules.h"
#include "schema/fields.h"
#include "schema/migration_commands.h"
#include "schema/offenders.h"

namespace readygate::mongo {

namespace {

using core::Failure;
using core::MigrationMoved;
using schema::append;
using schema::Document;

constexpr Millis kCountLimit{5'000};  // for a number that only people need

// Types of _id in the order in which the server sorts them, by the names that $type takes.
// https://www.mongodb.com/docs/manual/reference/bson-type-comparison-order/
struct TypeClass {
  std::string_view name;
  std::array<bson_type_t, 4> types;
};
constexpr std::array kTypeOrder = {
    TypeClass{"minKey", {BSON_TYPE_MINKEY}},
    TypeClass{"null", {BSON_TYPE_NULL}},
    TypeClass{"number", {BSON_TYPE_INT32, BSON_TYPE_INT64, BSON_TYPE_DOUBLE, BSON_TYPE_DECIMAL128}},
    TypeClass{"string", {BSON_TYPE_UTF8, BSON_TYPE_SYMBOL}},
    TypeClass{"object", {BSON_TYPE_DOCUMENT}},
    TypeClass{"binData", {BSON_TYPE_BINARY}},
    TypeClass{"objectId", {BSON_TYPE_OID}},
    TypeClass{"bool", {BSON_TYPE_BOOL}},
    TypeClass{"date", {BSON_TYPE_DATE_TIME}},
    TypeClass{"timestamp", {BSON_TYPE_TIMESTAMP}},
    TypeClass{"maxKey", {BSON_TYPE_MAXKEY}},
};

// Comparisons of a filter stay within one type: `_id > 5` leaves out every string. So these are asked for by name, once
// the documents of the checkpoint's own type are exhausted.
std::vector<std::string_view> later_types(bson_type_t type) {
  std::vector<std::string_view> later;
  bool found = false;
  for (const TypeClass& each : kTypeOrder) {
    if (found) later.push_back(each.name);
    found = found || std::find(each.types.begin(), each.types.end(), type) != each.types.end();
  }
  return later;
}

Document both(const Document& filter, const char* name, const Document& condition) {
  Document second;
  append(second, name, condition);
  Document all;
  append(all, "$and", std::vector<Document>{filter, second});
  return all;
}

Document find_command(const core::RunBatch& work, const Document& filter, std::int32_t limit) {
  Document by_id;
  append(by_id, "_id", 1);
  Document command;
  append(command, "find", work.batch.collection);
  append(command, "filter", filter);
  append(command, "projection", by_id);
  append(command, "sort", by_id);
  append(command, "limit", limit);
  append(command, "batchSize", limit);  // 101 without it
  append(command, "singleBatch", true);
  return command;
}

// The next documents to change, as { _id: … } each.
tl::expected<std::vector<Document>, Failure> next_documents(Fenced& fenced, const core::RunBatch& work,
                                                            std::int32_t limit) {
  const auto at = schema::field(work.record.checkpoint, "_id");
  if (!at) return fenced.find(find_command(work, work.batch.filter, limit));
  Document after;
  append(after, "$gt", *at);
  auto found = fenced.find(find_command(work, both(work.batch.filter, "_id", after), limit));
  if (!found || !found->empty()) return found;
  const std::vector<std::string_view> later = later_types(at->type());
  if (later.empty()) return found;
  Document names;
  for (std::size_t i = 0; i < later.size(); ++i) append(names, std::to_string(i), later[i]);
  Document typed;
  bson_append_array(typed.get(), "$type", -1, names.get());
  return fenced.find(find_command(work, both(work.batch.filter, "_id", typed), limit));
}

// Of those documents, the ones that match the filter.
Document still_matching(const core::RunBatch& work, const std::vector<Document>& documents) {
  Document ids;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    if (const auto id = schema::field(documents[i], "_id")) append(ids, std::to_string(i), *id);
  }
  Document in;
  bson_append_array(in.get(), "$in", -1, ids.get());
  return both(work.batch.filter, "_id", in);
}

Document update_command(const core::RunBatch& work, const Document& filter) {
  Document statement;
  append(statement, "q", filter);
  if (work.batch.pipeline) {
    bson_append_array(statement.get(), "u", -1, work.batch.update.get());
  } else {
    append(statement, "u", work.batch.update);
  }
  append(statement, "multi", true);
  Document command;
  append(command, "update", work.batch.collection);
  append(command, "updates", std::vector<Document>{statement});
  return command;
}

// -1 when the server does not count them soon enough.
std::int64_t count_all(Fenced& fenced, const core::RunBatch& work) {
  Document command;
  append(command, "count", work.batch.collection);
  append(command, "query", work.batch.filter);
  const auto reply = fenced.send(Sort::kRead, std::move(command), kCountLimit);
  return reply ? schema::integer_at(*reply, "n") : -1;
}

// The documents from `begin` up to `end`, as the update makes them; nothing is written.
Document rehearsal(const core::RunBatch& work, const std::vector<Document>& documents, std::size_t begin,
                   std::size_t end) {
  std::vector<Document> stages;
  Document match;
  append(match, "$match",
         still_matching(work, {documents.begin() + static_cast<std::ptrdiff_t>(begin),
                               documents.begin() + static_cast<std::ptrdiff_t>(end)}));
  stages.push_back(match);
  for (const schema::Field& stage : schema::fields(work.batch.update)) {
    if (auto one = stage.document()) stages.push_back(std::move(*one));
  }
  Document size;
  append(size, "batchSize", static_cast<std::int32_t>(end - begin));
  Document command;
  append(command, "aggregate", work.batch.collection);
  append(command, "pipeline", stages);
  append(command, "cursor", size);
  return command;
}

// Where the server does not say which document it met: found by halves, in as many readings as the batch has bits. None
// where a reading tells nothing, as with an update that is no pipeline.
std::optional<std::string> offender(Fenced& fenced, const core::RunBatch& work,
                                    const std::vector<Document>& documents) {
  if (!work.batch.pipeline) return std::nullopt;
  const auto fails = [&](std::size_t begin, std::size_t end) {
    const auto reply = fenced.send(Sort::kRead, rehearsal(work, documents, begin, end));
    return !reply && core::refuses_document(reply.error());
  };
  std::size_t begin = 0;
  std::size_t end = documents.size();
  while (end - begin > 1) {
    const std::size_t middle = begin + (end - begin) / 2;
    (fails(begin, middle) ? end : begin) = middle;
  }
  if (begin == end || !fails(begin, end)) return std::nullopt;
  const auto id = schema::field(documents[begin], "_id");
  return id ? std::optional(id->to_json()) : std::nullopt;
}

// Where no document can be named, the query that finds those of this batch.
Failure point_at_documents(Fenced& fenced, const core::RunBatch& work, const std::vector<Document>& documents,
                           Failure failure) {
  if (!core::refuses_document(failure) || !failure.document.id.empty()) return failure;
  if (const auto id = offender(fenced, work, documents)) {
    failure.document.id = *id;
    return failure;
  }
  Document range;
  if (const auto first = schema::field(documents.front(), "_id")) append(range, "$gte", *first);
  if (const auto last = schema::field(documents.back(), "_id")) append(range, "$lte", *last);
  failure.document.query = schema::find_in_shell(work.batch.collection, both(work.batch.filter, "_id", range));
  return failure;
}

}  // namespace

tl::expected<MigrationMoved, Failure> run_batch(Fenced& fenced, const core::RunBatch& work) {
  core::MigrationRecord next = work.record;
  const bool first = !next.has_checkpoint() && next.passes == 0 && next.done == 0;
  if (first) next.total = count_all(fenced, work);
  const auto documents = next_documents(fenced, work, first && work.must_converge ? 1 : work.batch.size);
  if (!documents) return tl::unexpected(documents.error());
  const auto found = static_cast<std::int64_t>(documents->size());
  if (found == 0) {
    MigrationMoved nothing;
    nothing.record = next;
    return nothing;
  }
  next.checkpoint = Document();
  if (const auto last = schema::field(documents->back(), "_id")) append(next.checkpoint, *last);
  next.done += found;
  next.found += found;
  next.at = fenced.wall();
  const Document filter = still_matching(work, *documents);
  const auto change = [&]() -> tl::expected<Fenced::Change, Failure> {
    const auto reply = fenced.send(Sort::kWrite, update_command(work, filter));
    if (!reply) return tl::unexpected(reply.error());
    Fenced::Change done{schema::integer_at(*reply, "nModified"), 0};
    if (!work.must_converge) return done;
    const auto left = fenced.find(find_command(work, filter, work.batch.size));
    if (!left) return tl::unexpected(left.error());
    done.still_there = static_cast<std::int64_t>(left->size());
    return done;
  };
  auto moved = fenced.run(work.in_transaction, next, change);
  if (!moved) return tl::unexpected(point_at_documents(fenced, work, *documents, std::move(moved.error())));
  moved->found = found;
  return moved;
}

tl::expected<MigrationMoved, Failure> run_command(Fenced& fenced, const core::RunCommand& work) {
  core::MigrationRecord next = work.record;
  ++next.done;
  next.at = fenced.wall();
  next.checkpoint = core::command_checkpoint(core::next_command(work.record) + 1, false);
  return fenced.run(work.in_transaction, next, [&]() -> tl::expected<Fenced::Change, Failure> {
    Document command = work.command;
    if (command.has("aggregate") && !command.has("cursor")) append(command, "cursor", Document());
    const auto reply = fenced.send(Sort::kWrite, std::move(command));
    if (!reply) return tl::unexpected(reply.error());
    return Fenced::Change{schema::integer_at(*reply, "n"), 0};
  });
}

}  // namespace readygate::mongo
