#include "mongo/progress_reader.h"

#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "mongo/commands.h"
#include "schema/fields.h"

namespace readygate::mongo {

namespace {

using schema::append;
using schema::Document;

constexpr int kUnauthorized = 13;

// https://www.mongodb.com/docs/manual/reference/operator/aggregation/currentOp/
Document current_operations(const std::string& database, std::int64_t token, bool all_users) {
  Document wanted;
  append(wanted, "command.comment", fmt::format("readygate:{}", token));
  append(wanted, "command.$db", database);
  append(wanted, "command.createIndexes", [] {
    Document exists;
    append(exists, "$exists", true);
    return exists;
  }());
  Document options;
  append(options, "allUsers", all_users);
  Document list;
  append(list, "$currentOp", options);
  Document match;
  append(match, "$match", wanted);
  Document command;
  append(command, "aggregate", 1);
  append(command, "pipeline", std::vector<Document>{list, match});
  append(command, "cursor", Document());
  return command;
}

std::optional<Document> document_in(const Document& parent, std::string_view name) {
  const auto value = schema::field(parent, name);
  return value ? value->document() : std::nullopt;
}

std::string text_in(const Document& parent, std::string_view name) {
  const auto value = schema::field(parent, name);
  return value ? value->string().value_or("") : "";
}

std::int64_t number_in(const Document& parent, std::string_view name) {
  const auto value = schema::field(parent, name);
  return value ? value->integer().value_or(0) : 0;
}

// The connection's own entry only waits for the build; the build's is on a thread that is named so.
bool is_build(const Document& operation) {
  return text_in(operation, "desc").starts_with("IndexBuildsCoordinator") ||
         text_in(operation, "msg").starts_with("Index Build");
}

void add(std::map<std::string, core::BuildProgress>& builds, const Document& operation) {
  const auto command = document_in(operation, "command");
  if (!command || !is_build(operation)) return;
  core::BuildProgress part;
  part.collection = text_in(*command, "createIndexes");
  if (const auto progress = document_in(operation, "progress")) {
    part.done = number_in(*progress, "done");
    part.total = number_in(*progress, "total");
  }
  // What other clients wrote meanwhile is drained last, again and again, until enough members are there.
  part.waits_for_members =
      text_in(operation, "msg").find("draining writes") != std::string::npos && part.done >= part.total;
  const auto [known, first] = builds.try_emplace(part.collection, part);
  if (first) return;
  known->second.done += part.done;  // of another shard
  known->second.total += part.total;
  known->second.waits_for_members = known->second.waits_for_members && part.waits_for_members;
}

}  // namespace

tl::expected<core::ProgressRead, core::Failure> read_progress(Client& client, const std::string& database,
                                                              std::int64_t token) {
  const auto ask = [&](bool all_users) {
    return run(client, Sort::kRead, "admin", current_operations(database, token, all_users).get(), nullptr,
               core::Doing::kCreateIndexes);
  };
  auto reply = ask(true);
  const bool forbidden = !reply && reply.error().domain == core::Domain::kServer && reply.error().code == kUnauthorized;
  if (forbidden) reply = ask(false);
  if (!reply) return tl::unexpected(std::move(reply.error()));
  std::map<std::string, core::BuildProgress> builds;
  const auto cursor = document_in(*reply, "cursor");
  const auto batch = cursor ? document_in(*cursor, "firstBatch") : std::nullopt;
  if (batch) {
    for (const schema::Field& item : schema::fields(*batch)) {
      if (const auto operation = item.document()) add(builds, *operation);
    }
  }
  core::ProgressRead read;
  for (auto& [collection, progress] : builds) read.builds.push_back(std::move(progress));
  return read;
}

}  // namespace readygate::mongo
