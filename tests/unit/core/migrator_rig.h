// Schemas with seeds and migrations, and a process that works on them over a model, and dies where it is told to.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/migrator.h"
#include "schema/fields.h"
#include "support/model/model_database.h"
#include "support/model/model_migrations.h"
#include "support/model/seeded_random.h"

namespace readygate::test {

using namespace readygate::core;  // a rig of the core's tests alone

inline constexpr const char* kHead =
    "schema = 'shop'\ndatabase = 'shop'\nversion = 1\n[policy]\ncontract = 'apply'\n[[collection]]\nname = "
    "'orders'\n[[collection]]\nname = "
    "'models'\n";

// Three commands, in a file that is there for as long as a schema is read.
inline std::string commands_file() { return fmt::format("readygate-migrator-test-{}.json", ::getpid()); }

inline schema::Schema schema_of(const std::string& text) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path();
  std::ofstream(folder / commands_file()) << R"([ { "insert": "orders", "documents": [ { "_id": 1 } ] },
              { "update": "orders", "updates": [ { "q": { "_id": 2 }, "u": { "$inc": { "n": 1 } } } ] },
              { "delete": "orders", "deletes": [ { "q": { "_id": 3 }, "limit": 1 } ] } ])";
  auto schema = schema::parse(kHead + text, "s.toml", folder.string());
  std::filesystem::remove(folder / commands_file());
  INFO((schema ? std::string() : toml::to_string(schema.error())));
  REQUIRE(schema);
  return std::move(*schema);
}

inline std::string batch(const std::string& id, const std::string& more = {}, int size = 3,
                         const std::string& update = R"({ "$set": { "state": 1 } })") {
  return fmt::format(
      "[[migration]]\nid = '{}'\n{}\n[migration.batch]\ncollection = 'orders'\nsize = {}\nfilter = '{{ \"state\": {{ "
      "\"$exists\": false }} }}'\nupdate = '{}'\n",
      id, more, size, update);
}

inline std::string commands(const std::string& id, const std::string& more = {}) {
  return fmt::format("[[migration]]\nid = '{}'\ncommands_file = '{}'\n{}\n", id, commands_file(), more);
}

inline std::string seed(const std::string& mode, const std::string& docs) {
  return fmt::format("[[seed]]\ncollection = 'models'\nmode = '{}'\ndocs = '{}'\n", mode, docs);
}

inline ModelMigrations with_documents(int count) {
  ModelMigrations model;
  for (int i = 0; i < count; ++i) model.batch["orders"][i] = {};
  return model;
}

// One process that holds the lease. It dies at task number `die_at`, before the task was carried out or after.
struct Process {
  enum class Death { kBefore, kAfter, kHalf };

  Process(const schema::Schema& schema, ModelMigrations& to,
          schema::Migration::Phase phase = schema::Migration::Phase::kPre)
      : model(to),
        migrator(
            schema, phase, {++model.token, model.owner = fmt::format("replica{}", model.token)},
            [this] {
              ++deadlines;
              return std::optional(Instant(Seconds(99)));
            },
            random) {}

  // False: it died.
  bool run(int die_at = -1, Death death = Death::kBefore) {
    migrator.begin(out);
    for (int task = 0;; ++task) {
      std::optional<StartTask> next;
      for (Command& command : out.take()) {
        if (auto* started = std::get_if<StartTask>(&command)) next = std::move(*started);
        if (auto* say = std::get_if<Say>(&command)) said.push_back(say->message);
      }
      if (!next) {
        if (!migrator.next_tick()) return true;
        now = *migrator.next_tick();
        migrator.tick(out, now);
        continue;
      }
      if (task == die_at && death == Death::kBefore) return false;
      model.dies_half = task == die_at && death == Death::kHalf;
      Outcome outcome =
          fault ? fault(next->work) : std::visit([&](const auto& work) { return execute(work); }, next->work);
      model.dies_half = false;
      if (task == die_at) return false;
      if (!migrator.on(out, next->id, outcome, now)) return true;
    }
  }

  template <typename T>
  Outcome execute(const T& work) {
    if constexpr (requires { model.answer(work); }) {
      return model.answer(work);
    } else {
      return tl::unexpected(Failure{});
    }
  }

  Reason reason() const { return migrator.judgement().reason; }
  const std::string& sentence() const { return migrator.judgement().sentence; }
  bool done() const { return migrator.stage() == Migrator::Stage::kDone; }

  ModelMigrations& model;
  SeededRandom random{1};
  int deadlines = 0;
  Commands out;
  Migrator migrator;
  Instant now{};
  std::vector<std::string> said;
  std::function<Outcome(const Work&)> fault;
};

inline bool each_changed_once(const ModelMigrations& model) {
  for (const auto& [id, document] : model.batch.at("orders")) {
    if (document.changed != 1 || document.matches == model.converges) return false;
  }
  return true;
}

}  // namespace readygate::test
