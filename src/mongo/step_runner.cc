#include "mongo/step_runner.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/printable.h"
#include "core/server_codes.h"
#include "core/server_rules.h"
#include "mongo/commands.h"
#include "mongo/handshake.h"
#include "mongo/samples.h"
#include "schema/duplicates.h"
#include "schema/fields.h"
#include "schema/offenders.h"

namespace readygate::mongo {

namespace {

using core::Doing;
using core::Domain;
using core::Failure;

Doing doing_of(schema::StepKind kind) {
  switch (kind) {
    case schema::StepKind::kCreateCollection:
    case schema::StepKind::kCreateView: return Doing::kCreateCollection;
    case schema::StepKind::kFindDuplicates:
    case schema::StepKind::kAwaitIndexes:
    case schema::StepKind::kCreateIndexes: return Doing::kCreateIndexes;
    default: return Doing::kModify;
  }
}

// ------------------------------------------------------------------------------------------- looking for duplicates

// "(\"a\", 1) in 3 documents"
std::string sample_of(const schema::Document& shared) {
  const auto id = schema::field(shared, "_id");
  const auto key = id ? id->document() : std::nullopt;
  const auto count = schema::field(shared, "n");
  std::string values;
  if (key) {
    for (const schema::Field& value : schema::fields(*key)) values += (values.empty() ? "" : ", ") + value.to_json();
  }
  return fmt::format("({}) in {} documents", shortened(values, core::kMostShown),
                     count ? count->integer().value_or(0) : 0);
}

std::int64_t number_at(const schema::Document& document, std::string_view name) {
  const auto value = schema::field(document, name);
  return value ? value->integer().value_or(0) : 0;
}

// The first unique index of the step that documents contradict, with how many do and some of their keys.
std::optional<Failure> find_duplicates(Client& client, const std::string& database, const schema::Step& step) {
  for (const schema::Index& index : step.unique) {
    const auto search = schema::duplicate_search(step.collection, index);
    const auto found =
        search ? found_by(client, database, search->sample, Doing::kCreateIndexes) : std::vector<schema::Document>();
    if (found.empty()) continue;
    std::vector<std::string> samples;
    samples.reserve(found.size());
    for (const schema::Document& shared : found) samples.push_back(sample_of(shared));
    std::sort(samples.begin(), samples.end());  // a server gives them in any order, and once is enough in a log
    std::string total;                          // as much as was found, where counting takes too long
    if (const auto counted = found_by(client, database, search->count, Doing::kCreateIndexes); !counted.empty()) {
      total = fmt::format("{} documents share {}", number_at(counted.front(), "documents"),
                          number_at(counted.front(), "keys"));
    } else {
      total = fmt::format("documents share at least {}", found.size());
    }
    std::vector<std::string> names;
    for (const schema::Field& each : schema::fields(index.key)) names.emplace_back(each.name());
    return Failure{Domain::kServer,
                   11000,
                   Doing::kCreateIndexes,
                   fmt::format("the index \"{}\" of \"{}\" cannot be unique: {} keys of ({}), among them {}",
                               index.name, step.collection, total, fmt::join(names, ", "), fmt::join(samples, "; ")),
                   {}};
  }
  return std::nullopt;
}

// A failed unique build in one form. The codes that it may have: 11000 of MongoDB, 359 of its collMod, 1 of FerretDB.
Failure explain_duplicates(Client& client, const std::string& database, const schema::Step& step, Failure failure) {
  if (failure.domain != Domain::kServer || step.unique.empty()) return failure;
  if (failure.code != 11000 && failure.code != 359 && failure.code != 1) return failure;
  if (auto found = find_duplicates(client, database, step)) return std::move(*found);
  return failure;
}

// Where the server names no document, the query that finds it.
Failure point_at_documents(const schema::Step& step, Failure failure) {
  if (!core::refuses_document(failure) || !failure.document.id.empty()) return failure;
  const auto list = schema::field(step.command, "indexes");
  const auto indexes = list ? list->document() : std::nullopt;
  std::vector<std::string> queries;
  for (const schema::Field& each : indexes ? schema::fields(*indexes) : std::vector<schema::Field>()) {
    const auto filter = schema::offender_filter(*each.document());
    if (filter) queries.push_back(schema::find_in_shell(step.collection, *filter));
  }
  failure.document.query = fmt::format("{}", fmt::join(queries, ", or "));
  return failure;
}

// What is over soon, or must be: a build and a dry run take as long as they take.
bool is_limited(schema::StepKind kind) {
  switch (kind) {
    case schema::StepKind::kCreateCollection:
    case schema::StepKind::kCreateView:
    case schema::StepKind::kCreateIndexes:
    case schema::StepKind::kAwaitIndexes:
    case schema::StepKind::kFindDuplicates:
    case schema::StepKind::kTryUnique:
    case schema::StepKind::kFindViolations:
    case schema::StepKind::kMakeConstraint: return false;
    default: return true;
  }
}

void append_quorum(schema::Document& command, const std::string& quorum) {
  const bool number = quorum.find_first_not_of("0123456789") == std::string::npos;
  if (number) {
    schema::append(command, "commitQuorum", std::stoi(quorum));
  } else {
    schema::append(command, "commitQuorum", quorum);
  }
}

// ---------------------------------------------------------------------------------------- what a refusal is followed
// by

// { collMod: c, index: { name: x, unique: true } }, the other way round.
schema::Document without_preparation(const schema::Document& command) {
  const auto target = schema::field(command, "index")->document();
  schema::Document index;
  schema::append(index, *schema::field(*target, "name"));
  schema::append(index, "prepareUnique", false);
  schema::Document changed = schema::without(command, {"index", "dryRun", "maxTimeMS"});
  schema::append(changed, "index", index);
  return changed;
}

// { collMod: c, validationLevel: "constraint", … }, likewise.
schema::Document without_constraint(const schema::Document& command) {
  schema::Document changed = schema::without(command, {"validationLevel", "validationAction", "maxTimeMS"});
  schema::append(changed, "prepareConstraintValidationLevel", false);
  return changed;
}

bool holds(const schema::Document& command, std::string_view option, std::string_view word) {
  const auto value = schema::field(command, option);
  return value && value->string() == word;
}

// What takes the preparation of a step back that documents contradict.
std::optional<schema::Document> taken_back(const schema::Step& step, const schema::Document& command,
                                           const Failure& failure) {
  switch (step.kind) {
    case schema::StepKind::kTryUnique:
    case schema::StepKind::kMakeUnique: {
      const bool contradicted = core::said(failure, core::code::kCannotConvertIndexToUnique) ||
                                core::said(failure, core::code::kDuplicateKey);
      return contradicted ? std::optional(without_preparation(command)) : std::nullopt;
    }
    case schema::StepKind::kMakeConstraint:
      return core::said(failure, core::code::kConstraintViolated) ? std::optional(without_constraint(command))
                                                                  : std::nullopt;
    default: return std::nullopt;
  }
}

// Levels and actions that a version knows and its featureCompatibilityVersion does not allow yet.
void advise_on_feature_version(const schema::Document& command, Failure& failure) {
  if (!core::said(failure, core::code::kInvalidOptions) || failure.message.find("FCV") == std::string::npos) return;
  const bool constraint =
      command.has("prepareConstraintValidationLevel") || holds(command, "validationLevel", "constraint");
  if (!constraint && !holds(command, "validationAction", "errorAndLog")) return;
  failure.advice = fmt::format(
      "The server is new enough, and its featureCompatibilityVersion is not. Raise it (on admin: {{ "
      "setFeatureCompatibilityVersion: \"{}\", confirm: true }}), or declare another {}.",
      constraint ? "9.0" : "8.1", constraint ? "level" : "action");
}

Failure explained(Client& client, const std::string& database, const schema::Step& step, Failure failure) {
  if (step.kind == schema::StepKind::kMakeConstraint && core::said(failure, core::code::kConstraintViolated)) {
    if (auto found = find_violations(client, database, step)) return std::move(*found);
  }
  advise_on_feature_version(step.command, failure);
  return explain_duplicates(client, database, step, std::move(failure));
}

// Of a step that only looks: what it found. None: it is another one.
std::optional<tl::expected<core::Done, Failure>> look(Client& client, const std::string& database,
                                                      const schema::Step& step) {
  std::optional<Failure> found;
  switch (step.kind) {
    case schema::StepKind::kFindDuplicates: found = find_duplicates(client, database, step); break;
    case schema::StepKind::kFindViolations: found = find_violations(client, database, step); break;
    default: return std::nullopt;
  }
  if (found) return tl::unexpected(std::move(*found));
  return core::Done{};
}

}  // namespace

tl::expected<core::Done, Failure> run_step(Client& client, const std::string& database, const core::RunStep& work,
                                           const std::string& commit_quorum, const Clock& clock) {
  const Doing doing = doing_of(work.step.kind);
  auto handshake = shake_hands(client);
  if (!handshake) return tl::unexpected(std::move(handshake.error()));
  schema::Document command = work.step.command;
  if (handshake->wire_version >= kCommentsEverywhere && !command.has("comment")) {
    BSON_APPEND_UTF8(command.get(), "comment", fmt::format("readygate:{}", work.token).c_str());
  }
  const bool counted = handshake->transactions && handshake->wire_version >= kCommentsEverywhere;
  if (work.step.kind == schema::StepKind::kCreateIndexes && !commit_quorum.empty() && counted) {
    append_quorum(command, commit_quorum);
  }
  if (auto looked = look(client, database, work.step)) return std::move(*looked);
  // The last thing before sending: what is sent later than this might undo the work of a successor.
  const Instant now = clock.now();
  if (work.not_after && now >= *work.not_after) {
    return tl::unexpected(Failure{
        Domain::kOther, 0, doing, fmt::format("\"{}\" was not sent: its time had run out", work.step.what), {}});
  }
  if (work.not_after && is_limited(work.step.kind)) {
    schema::append(command, "maxTimeMS", std::max<std::int64_t>(1, millis(*work.not_after - now).count()));
  }
  // A dry run writes nothing, and takes no write concern.
  const bool dry = work.step.kind == schema::StepKind::kTryUnique;
  auto reply = run(client, dry ? Sort::kPlain : Sort::kWrite, database, command.get(), nullptr, doing);
  if (reply) return core::Done{};
  Failure failure = point_at_documents(work.step, explained(client, database, work.step, std::move(reply.error())));
  const auto undo = taken_back(work.step, command, failure);
  if (undo && (!work.not_after || clock.now() < *work.not_after)) {
    // The application is to write again. If this fails too, the next plan takes it back or goes on.
    (void)run(client, Sort::kWrite, database, undo->get(), nullptr, doing);
  }
  return tl::unexpected(std::move(failure));
}

}  // namespace readygate::mongo
