#include "mongo/progress_reader.h"

#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "mongo/current_operations.h"
#include "schema/fields.h"

namespace readygate::mongo {

namespace {

using schema::append;
using schema::Document;

Document builds_of(const std::string& database, std::int64_t token) {
  Document exists;
  append(exists, "$exists", true);
  Document match;
  append(match, "command.comment", fmt::format("readygate:{}", token));
  append(match, "command.$db", database);
  append(match, "command.createIndexes", exists);
  return match;
}

std::optional<Document> document_in(const Document& parent, std::string_view name) {
  const auto value = schema::field(parent, name);
  return value ? value->document() : std::nullopt;
}

// The connection's own entry only waits for the build; the build's is on a thread that is named so.
bool is_build(const Document& operation) {
  return schema::text_at(operation, "desc").starts_with("IndexBuildsCoordinator") ||
         schema::text_at(operation, "msg").starts_with("Index Build");
}

void add(std::map<std::string, core::BuildProgress>& builds, const Document& operation) {
  const auto command = document_in(operation, "command");
  if (!command || !is_build(operation)) return;
  core::BuildProgress part;
  part.collection = schema::text_at(*command, "createIndexes");
  if (const auto progress = document_in(operation, "progress")) {
    part.done = schema::integer_at(*progress, "done");
    part.total = schema::integer_at(*progress, "total");
  }
  // What other clients wrote meanwhile is drained last, again and again, until enough members are there.
  part.waits_for_members =
      schema::text_at(operation, "msg").find("draining writes") != std::string::npos && part.done >= part.total;
  const auto [known, first] = builds.try_emplace(part.collection, part);
  if (first) return;
  known->second.done += part.done;  // of another shard
  known->second.total += part.total;
  known->second.waits_for_members = known->second.waits_for_members && part.waits_for_members;
}

}  // namespace

tl::expected<core::ProgressRead, core::Failure> read_progress(Client& client, const std::string& database,
                                                              std::int64_t token) {
  const auto operations = current_operations(client, builds_of(database, token), core::Doing::kCreateIndexes);
  if (!operations) return tl::unexpected(operations.error());
  std::map<std::string, core::BuildProgress> builds;
  for (const Document& operation : *operations) add(builds, operation);
  core::ProgressRead read;
  for (auto& [collection, progress] : builds) read.builds.push_back(std::move(progress));
  return read;
}

}  // namespace readygate::mongo
