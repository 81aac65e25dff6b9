#include "mongo/step_runner.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "mongo/commands.h"

namespace readygate::mongo {

namespace {

using core::Doing;
using core::Domain;
using core::Failure;

constexpr std::int32_t kCommentsEverywhere = 9;  // wire version of MongoDB 4.4: every command takes a comment
constexpr std::int32_t kDuplicateSearchMillis = 60'000;

Doing doing_of(schema::StepKind kind) {
  switch (kind) {
    case schema::StepKind::kCreateCollection: return Doing::kCreateCollection;
    case schema::StepKind::kCreateIndexes: return Doing::kCreateIndexes;
    default: return Doing::kModify;
  }
}

// Connects and authenticates, so that nothing but the command itself is left to be sent. The server's wire version.
tl::expected<std::int32_t, Failure> make_ready(Client& client) {
  const std::int64_t started = bson_get_monotonic_time();
  bson_error_t error{};
  const auto failed = [&] {
    const Millis elapsed((bson_get_monotonic_time() - started) / 1000);
    return tl::unexpected(client.failure(error, nullptr, Doing::kConnect, elapsed));
  };
  const ServerHandle selected{mongoc_client_select_server(client.get(), true, nullptr, &error)};
  if (!selected) return failed();
  const ServerHandle server{mongoc_client_get_handshake_description(
      client.get(), mongoc_server_description_id(selected.get()), nullptr, &error)};
  if (!server) return failed();
  bson_iter_t version;
  if (!bson_iter_init_find(&version, mongoc_server_description_hello_response(server.get()), "maxWireVersion"))
    return 0;
  return static_cast<std::int32_t>(bson_iter_as_int64(&version));
}

// ------------------------------------------------------------------------------------------- looking for duplicates

// One member of the command's `indexes`.
struct IndexSpec {
  std::string name;
  std::vector<std::string> fields;
  std::optional<schema::Document> partial;
  bool sparse = false;
};

std::optional<schema::Document> document_at(const bson_iter_t& iter) {
  std::uint32_t length = 0;
  const std::uint8_t* data = nullptr;
  bson_t inner;
  if (!BSON_ITER_HOLDS_DOCUMENT(&iter)) return std::nullopt;
  bson_iter_document(&iter, &length, &data);
  if (!bson_init_static(&inner, data, length)) return std::nullopt;
  return schema::Document(inner);
}

std::vector<IndexSpec> specs_of(const schema::Document& command) {
  std::vector<IndexSpec> specs;
  bson_iter_t indexes;
  bson_iter_t each;
  if (!bson_iter_init_find(&indexes, command.get(), "indexes") || !BSON_ITER_HOLDS_ARRAY(&indexes) ||
      !bson_iter_recurse(&indexes, &each)) {
    return specs;
  }
  while (bson_iter_next(&each)) {
    bson_iter_t option;
    if (!BSON_ITER_HOLDS_DOCUMENT(&each) || !bson_iter_recurse(&each, &option)) continue;
    IndexSpec spec;
    while (bson_iter_next(&option)) {
      const std::string_view key = bson_iter_key(&option);
      bson_iter_t field;
      if (key == "name" && BSON_ITER_HOLDS_UTF8(&option)) {
        spec.name = bson_iter_utf8(&option, nullptr);
      } else if (key == "key" && BSON_ITER_HOLDS_DOCUMENT(&option) && bson_iter_recurse(&option, &field)) {
        while (bson_iter_next(&field)) spec.fields.emplace_back(bson_iter_key(&field));
      } else if (key == "partialFilterExpression") {
        spec.partial = document_at(option);
      } else if (key == "sparse") {
        spec.sparse = bson_iter_as_bool(&option);
      }
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

// [ {$match: what the index covers}, {$group: by its key, a missing field as null}, {$match: more than one}, {$limit:
// 1} ]
schema::Document duplicates_command(const std::string& collection, const IndexSpec& spec) {
  schema::Document command;
  bson_t pipeline;
  bson_t stage;
  bson_t child;
  bson_t inner;
  int stages = 0;
  const auto begin_stage = [&] {
    bson_append_document_begin(&pipeline, std::to_string(stages).c_str(), -1, &stage);
    ++stages;
  };
  BSON_APPEND_UTF8(command.get(), "aggregate", collection.c_str());
  BSON_APPEND_ARRAY_BEGIN(command.get(), "pipeline", &pipeline);
  if (spec.partial) {
    begin_stage();
    BSON_APPEND_DOCUMENT(&stage, "$match", spec.partial->get());
    bson_append_document_end(&pipeline, &stage);
  }
  if (spec.sparse) {  // a document is in a sparse index when it has any of the fields
    begin_stage();
    BSON_APPEND_DOCUMENT_BEGIN(&stage, "$match", &child);
    BSON_APPEND_ARRAY_BEGIN(&child, "$or", &inner);
    for (std::size_t i = 0; i < spec.fields.size(); ++i) {
      bson_t condition;
      bson_t exists;
      BSON_APPEND_DOCUMENT_BEGIN(&inner, std::to_string(i).c_str(), &condition);
      BSON_APPEND_DOCUMENT_BEGIN(&condition, spec.fields[i].c_str(), &exists);
      BSON_APPEND_BOOL(&exists, "$exists", true);
      bson_append_document_end(&condition, &exists);
      bson_append_document_end(&inner, &condition);
    }
    bson_append_array_end(&child, &inner);
    bson_append_document_end(&stage, &child);
    bson_append_document_end(&pipeline, &stage);
  }
  begin_stage();
  BSON_APPEND_DOCUMENT_BEGIN(&stage, "$group", &child);
  BSON_APPEND_DOCUMENT_BEGIN(&child, "_id", &inner);
  for (std::size_t i = 0; i < spec.fields.size(); ++i) {
    bson_t or_null;
    bson_t values;
    BSON_APPEND_DOCUMENT_BEGIN(&inner, fmt::format("k{}", i).c_str(), &or_null);
    BSON_APPEND_ARRAY_BEGIN(&or_null, "$ifNull", &values);
    BSON_APPEND_UTF8(&values, "0", fmt::format("${}", spec.fields[i]).c_str());
    BSON_APPEND_NULL(&values, "1");
    bson_append_array_end(&or_null, &values);
    bson_append_document_end(&inner, &or_null);
  }
  bson_append_document_end(&child, &inner);
  BSON_APPEND_DOCUMENT_BEGIN(&child, "n", &inner);
  BSON_APPEND_INT32(&inner, "$sum", 1);
  bson_append_document_end(&child, &inner);
  bson_append_document_end(&stage, &child);
  bson_append_document_end(&pipeline, &stage);
  begin_stage();
  BSON_APPEND_DOCUMENT_BEGIN(&stage, "$match", &child);
  BSON_APPEND_DOCUMENT_BEGIN(&child, "n", &inner);
  BSON_APPEND_INT32(&inner, "$gt", 1);
  bson_append_document_end(&child, &inner);
  bson_append_document_end(&stage, &child);
  bson_append_document_end(&pipeline, &stage);
  begin_stage();
  BSON_APPEND_INT32(&stage, "$limit", 1);
  bson_append_document_end(&pipeline, &stage);
  bson_append_array_end(command.get(), &pipeline);
  BSON_APPEND_DOCUMENT_BEGIN(command.get(), "cursor", &child);
  bson_append_document_end(command.get(), &child);
  BSON_APPEND_BOOL(command.get(), "allowDiskUse", true);
  BSON_APPEND_INT32(command.get(), "maxTimeMS", kDuplicateSearchMillis);
  return command;
}

// How many documents share the first key that several have; 0: none do, or it could not be found out.
std::int64_t duplicates(Client& client, const std::string& database, const std::string& collection,
                        const IndexSpec& spec) {
  const auto reply =
      run(client, Sort::kRead, database, duplicates_command(collection, spec).get(), nullptr, Doing::kCreateIndexes);
  bson_iter_t iter;
  bson_iter_t count;
  if (!reply || !bson_iter_init(&iter, reply->get()) ||
      !bson_iter_find_descendant(&iter, "cursor.firstBatch.0.n", &count)) {
    return 0;
  }
  return bson_iter_as_int64(&count);
}

// The first unique index of the step that documents contradict.
std::optional<Failure> find_duplicates(Client& client, const std::string& database, const schema::Step& step) {
  if (step.unique.empty()) return std::nullopt;
  for (const IndexSpec& spec : specs_of(step.command)) {
    if (std::find(step.unique.begin(), step.unique.end(), spec.name) == step.unique.end()) continue;
    const std::int64_t count = duplicates(client, database, step.collection, spec);
    if (count < 2) continue;
    return Failure{Domain::kServer,
                   11000,
                   Doing::kCreateIndexes,
                   fmt::format("the unique index \"{}\" of \"{}\" cannot be built: {} documents share one key of ({})",
                               spec.name, step.collection, count, fmt::join(spec.fields, ", ")),
                   {}};
  }
  return std::nullopt;
}

// A failed unique build in one form. The codes that it may have: 11000 of MongoDB, 359 of its collMod, 1 of FerretDB.
Failure explain_duplicates(Client& client, const std::string& database, const schema::Step& step, Failure failure) {
  if (failure.domain != Domain::kServer || step.unique.empty()) return failure;
  if (failure.code != 11000 && failure.code != 359 && failure.code != 1) return failure;
  if (auto found = find_duplicates(client, database, step)) return std::move(*found);
  // The server quotes the values.
  if (const auto values = failure.message.find(" dup key:"); values != std::string::npos) {
    failure.message.resize(values);
  }
  return failure;
}

}  // namespace

tl::expected<core::Done, Failure> run_step(Client& client, const std::string& database, const core::RunStep& work,
                                           const Clock& clock) {
  const Doing doing = doing_of(work.step.kind);
  auto wire_version = make_ready(client);
  if (!wire_version) return tl::unexpected(std::move(wire_version.error()));
  schema::Document command = work.step.command;
  if (*wire_version >= kCommentsEverywhere && !command.has("comment")) {
    BSON_APPEND_UTF8(command.get(), "comment", fmt::format("readygate:{}", work.token).c_str());
  }
  // A build that must fail reads the whole collection first, and so would each retry of it.
  if (auto found = find_duplicates(client, database, work.step)) return tl::unexpected(std::move(*found));
  // The last thing before sending: what is sent later than this might undo the work of a successor.
  if (work.not_after && clock.now() >= *work.not_after) {
    return tl::unexpected(Failure{
        Domain::kOther, 0, doing, fmt::format("\"{}\" was not sent: its time had run out", work.step.what), {}});
  }
  auto reply = run(client, Sort::kWrite, database, command.get(), nullptr, doing);
  if (!reply) return tl::unexpected(explain_duplicates(client, database, work.step, std::move(reply.error())));
  return core::Done{};
}

}  // namespace readygate::mongo
