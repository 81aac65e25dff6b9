#include "sim/model_set.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "schema/fields.h"
#include "support/model/model_database.h"

namespace readygate::sim {
namespace {

using schema::Build;

// wtimeout of the lease's client: an eighth of a period of 20 s.
constexpr Millis kWriteConcernTimeout{2'500};

core::Failure not_primary() { return test::server_error(10107, "not primary"); }
core::Failure no_majority() { return test::server_error(64, "waiting for replication timed out"); }

bool builds(const schema::Step& step) {
  return step.kind == schema::StepKind::kCreateIndexes || step.kind == schema::StepKind::kAwaitIndexes;
}

const schema::CatalogIndex* find_index(const schema::Catalog& catalog, const std::string& of, const std::string& name) {
  for (const schema::CatalogCollection& collection : catalog.collections) {
    if (collection.name != of) continue;
    for (const schema::CatalogIndex& index : collection.indexes) {
      if (index.index.name == name) return &index;
    }
  }
  return nullptr;
}

template <typename DocumentWork>
core::Outcome answer(ModelSet::State& state, const DocumentWork& work, bool dies_half) {
  test::ModelMigrations& documents = state.documents;
  if (state.ledger) {  // what the fence of a write is compared with
    documents.token = state.ledger->token;
    documents.owner = state.ledger->owner.value_or("");
  }
  // Whether an update makes its own filter false is the migration's business; a count that is raised never does.
  if constexpr (std::is_same_v<DocumentWork, core::RunBatch>) documents.converges = work.batch.collection != "orders";
  documents.dies_half = dies_half;
  return documents.answer(work);
}

}  // namespace

core::Outcome ModelSet::term_of(bool won) const { return core::LedgerWritten{won, fmt::format("{}/1", term_)}; }

void ModelSet::request(const core::Work& work, Reply reply) {
  if (!has_primary()) {
    reply(tl::unexpected(not_primary()));
  } else if (events_.now() < overloaded_until_ && dice_.chance(refused_)) {
    reply(tl::unexpected(test::overloaded_error(dice_.chance(0.5) ? Millis(0) : dice_.millis(1, 3'000))));
  } else if (refuses(work)) {
    reply(tl::unexpected(refusal(work)));
  } else if (std::holds_alternative<core::ReadLedger>(work)) {
    reply(core::LedgerRead{committed_.ledger});
  } else if (const auto* read = std::get_if<core::ReadCatalog>(&work)) {
    if (!read->settled) on_reading();
    core::CatalogRead answer;
    answer.primary = fmt::format("{}/1", term_);
    if (read->rest()) answer.catalog.server = primary_.catalog.server;
    for (const schema::CatalogCollection& collection : primary_.catalog.collections) {
      if (read->part == core::ReadCatalog::Part::kRest) break;
      if (std::find(read->collections.begin(), read->collections.end(), collection.name) != read->collections.end()) {
        if (read->part == core::ReadCatalog::Part::kNames) {
          answer.names.push_back(collection.name);
          continue;
        }
        answer.catalog.collections.push_back(collection);
        if (!hides_builds) continue;
        for (schema::CatalogIndex& index : answer.catalog.collections.back().indexes) index.build = Build::kUnknown;
      }
    }
    if (read->settled) {
      write([](State&) {}, std::move(answer), std::move(reply));
    } else {
      reply(std::move(answer));
    }
  } else if (const auto* insert = std::get_if<core::InsertLedger>(&work)) {
    const bool won = !primary_.ledger;
    write(
        [won, first = insert->first](State& state) {
          if (won) state.ledger = first;
        },
        term_of(won), std::move(reply));
  } else if (const auto* change = std::get_if<core::ChangeLedger>(&work)) {
    const bool won = test::matches(primary_.ledger, change->match);
    write(
        [won, change = *change](State& state) {
          if (won) state.ledger = test::changed(*state.ledger, change);
        },
        term_of(won), std::move(reply));
  } else if (const auto* step = std::get_if<core::RunStep>(&work)) {
    if (builds(step->step)) {
      build(*step, std::move(reply));
    } else if (step->step.kind == schema::StepKind::kDropIndex &&
               find_index(primary_.catalog, step->step.collection, step->step.object) == nullptr) {
      reply(tl::unexpected(test::server_error(27, "index not found")));
    } else {
      write([command = step->step.command](State& state) { test::run_command(state.catalog, command); }, core::Done{},
            std::move(reply));
    }
  } else if (std::holds_alternative<core::ReadMigrations>(work)) {
    reply(answer(committed_, core::ReadMigrations{}, false));
  } else if (const auto* claim = std::get_if<core::ClaimMigration>(&work)) {
    change_documents(*claim, std::move(reply));
  } else if (const auto* record = std::get_if<core::WriteMigration>(&work)) {
    change_documents(*record, std::move(reply));
  } else if (const auto* seed = std::get_if<core::RunSeed>(&work)) {
    change_documents(*seed, std::move(reply));
  } else if (const auto* batch = std::get_if<core::RunBatch>(&work)) {
    change_documents(*batch, std::move(reply));
  } else if (const auto* command = std::get_if<core::RunCommand>(&work)) {
    change_documents(*command, std::move(reply));
  } else {
    reply(core::Done{});
  }
}

// A document that no index can be built over, and that no update can change.
bool ModelSet::refuses(const core::Work& work) const {
  if (refused_code_ == 0) return false;
  const auto* step = std::get_if<core::RunStep>(&work);
  if (step != nullptr) return builds(step->step) && step->step.collection == refused_in_;
  const auto* batch = std::get_if<core::RunBatch>(&work);
  return batch != nullptr && batch->batch.collection == refused_in_;
}

core::Failure ModelSet::refusal(const core::Work& work) const {
  core::Failure failure = test::server_error(refused_code_, kDocumentInTheWay);
  failure.doing = std::holds_alternative<core::RunBatch>(work) ? core::Doing::kMigrate : core::Doing::kCreateIndexes;
  return failure;
}

// A majority does the same again on what it has: the same writes in the same order.
template <typename DocumentWork>
void ModelSet::change_documents(const DocumentWork& work, Reply reply) {
  const bool dies_half = dice_.chance(0.02);
  State after{primary_.ledger, {}, primary_.documents};
  core::Outcome outcome = answer(after, work, dies_half);
  write([work, dies_half](State& state) { (void)answer(state, work, dies_half); }, std::move(outcome),
        std::move(reply));
}

void ModelSet::arrive_late(const schema::Document& command, Millis without_majority) {
  majority_away_for(without_majority);
  write([command](State& state) { test::run_command(state.catalog, command); }, core::Done{},
        [](const core::Outcome&) {});
}

// The build is listed as such at once and goes on whoever waits; an identical one joins it.
void ModelSet::build(const core::RunStep& step, Reply reply) {
  const auto mark = [of = step.step.collection, names = step.step.indexes](State& state, Build build) {
    for (schema::CatalogCollection& collection : state.catalog.collections) {
      if (collection.name != of) continue;
      for (schema::CatalogIndex& index : collection.indexes) {
        for (const std::string& name : names) {
          if (index.index.name == name) index.build = build;
        }
      }
    }
  };
  bool there = false;
  bool built = true;
  const schema::Document indexes = *schema::field(step.step.command, "indexes")->document();
  for (const schema::Field& asked : schema::fields(indexes)) {
    const schema::Document index = *asked.document();
    const auto* found = find_index(primary_.catalog, step.step.collection, *schema::field(index, "name")->string());
    if (found != nullptr && found->index.key.to_json() != schema::field(index, "key")->to_json()) {
      reply(tl::unexpected(test::server_error(86, "an index of this name has another key")));
      return;
    }
    there = there || found != nullptr;
    built = built && found != nullptr && found->build == Build::kDone;
  }
  if (built) {
    write([](State&) {}, core::Done{}, std::move(reply));
    return;
  }
  if (!there) {
    write(
        [command = step.step.command, mark](State& state) {
          test::run_command(state.catalog, command);
          mark(state, Build::kRunning);
        },
        core::Done{}, [](const core::Outcome&) {});
  }
  const int term = term_;
  events_.after(dice_.millis(1, dice_.chance(0.3) ? 60'000 : 500),
                [this, term, mark, reply = std::move(reply)]() mutable {
                  if (!has_primary() || term != term_) {
                    reply(tl::unexpected(not_primary()));  // the new primary finishes it; see elect()
                  } else {
                    write([mark](State& state) { mark(state, Build::kDone); }, core::Done{}, std::move(reply));
                  }
                });
}

void ModelSet::write(Change change, core::Outcome outcome, Reply reply) {
  change(primary_);
  const std::uint64_t id = ++writes_;
  pending_.push_back({std::move(change), std::move(outcome), std::move(reply), id});
  if (!committing_) {
    committing_ = true;
    events_.after(dice_.millis(1, 30), [this] { commit_next(); });
  }
  events_.after(kWriteConcernTimeout, [this, id] {
    for (Write& write : pending_) {
      if (write.id == id && write.reply) std::exchange(write.reply, nullptr)(tl::unexpected(no_majority()));
    }
  });
}

void ModelSet::commit_next() {
  committing_ = false;
  if (pending_.empty()) return;
  if (events_.now() < majority_back_ || !has_primary()) {
    committing_ = true;
    events_.after(std::max(majority_back_, elected_at_) - events_.now(), [this] { commit_next(); });
    return;
  }
  Write write = std::move(pending_.front());
  pending_.pop_front();
  write.change(committed_);
  if (on_commit) on_commit();
  if (!pending_.empty()) {
    committing_ = true;
    events_.after(dice_.millis(0, 5), [this] { commit_next(); });
  }
  if (write.reply) write.reply(std::move(write.outcome));
}

void ModelSet::elect(bool rolls_back, Millis takes) {
  ++term_;
  elected_at_ = events_.now() + takes;
  std::deque<Write> cut;
  if (rolls_back) {
    cut.swap(pending_);
    primary_ = committed_;
  }
  // A build that was under way goes on, or starts again, on the new primary.
  for (schema::CatalogCollection& collection : primary_.catalog.collections) {
    for (schema::CatalogIndex& index : collection.indexes) {
      if (index.build != Build::kRunning) continue;
      events_.after(elected_at_ - events_.now() + dice_.millis(10, 5'000),
                    [this, name = collection.name, built = index.index.name] {
                      write(
                          [name, built](State& state) {
                            for (schema::CatalogCollection& c : state.catalog.collections) {
                              for (schema::CatalogIndex& i : c.indexes) {
                                if (c.name == name && i.index.name == built) i.build = Build::kDone;
                              }
                            }
                          },
                          core::Done{}, [](const core::Outcome&) {});
                    });
    }
  }
  for (Write& write : rolls_back ? cut : pending_) {
    if (write.reply) std::exchange(write.reply, nullptr)(tl::unexpected(not_primary()));
  }
}

}  // namespace readygate::sim
