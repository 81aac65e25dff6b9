#include "mongo/samples.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/printable.h"
#include "core/server_codes.h"
#include "mongo/commands.h"
#include "schema/fields.h"
#include "schema/violations.h"

namespace readygate::mongo {
std::vector<schema::Document> found_by(Client& client, const std::string& database, const schema::Document& command,
                                       core::Doing doing) {
  const auto reply = run(client, Sort::kRead, database, command.get(), nullptr, doing);
  return reply ? first_batch(*reply).value_or(Batch{}).documents : std::vector<schema::Document>{};
}

std::optional<core::Failure> find_violations(Client& client, const std::string& database, const schema::Step& step) {
  const auto found = found_by(client, database, step.search, core::Doing::kModify);
  if (found.empty()) return std::nullopt;
  std::vector<std::string> ids;
  ids.reserve(found.size());
  for (const schema::Document& document : found) {
    const auto id = schema::field(document, "_id");
    ids.push_back(id ? shortened(id->to_json(), core::kMostShown) : "none");
  }
  std::sort(ids.begin(), ids.end());  // a server gives them in any order, and once is enough in a log
  const bool all = found.size() < static_cast<std::size_t>(schema::kViolationSamples);
  core::Failure failure;
  failure.domain = core::Domain::kServer;
  failure.code = core::code::kConstraintViolated;
  failure.doing = core::Doing::kModify;
  failure.message =
      fmt::format("the validator of \"{}\" cannot become a constraint: {}{} document{} of it {} not valid, with _id {}",
                  step.collection, all ? "" : "at least ", found.size(), found.size() == 1 ? "" : "s",
                  found.size() == 1 ? "is" : "are", fmt::join(ids, ", "));
  failure.advice = "Correct or delete what is not valid, then retry.";
  return failure;
}

}  // namespace readygate::mongo
