// Running a schema's seeds and migrations with the real runners against whatever server an executor reaches, up to a
// point: what a process that dies has done.
#pragma once

#include <string>

#include "base/random.h"
#include "core/migrator.h"
#include "rig.h"

namespace readygate::mongo::testing {

// A schema named "orders" with the collections "orders" and "models", and what follows.
inline schema::Schema schema_of(const std::string& text) {
  const std::string head =
      "schema = 'orders'\ndatabase = 'd'\nversion = 1\n[policy]\ncontract = 'apply'\n[[collection]]\nname = "
      "'orders'\n[[collection]]\nname = "
      "'models'\n";
  auto schema = schema::parse(head + text, "s.toml", "/nonexistent");
  if (!schema) FAIL(toml::to_string(schema.error()));
  return std::move(*schema);
}

inline std::string batch(const std::string& filter, const std::string& update, int size, const std::string& more = {}) {
  return fmt::format(
      "[[migration]]\nid = 'm'\n{}\n[migration.batch]\ncollection = 'orders'\nsize = {}\nfilter = '{}'\nupdate = "
      "'{}'\n",
      more, size, filter, update);
}

class Holder {
 public:
  Holder(Bench& bench, const schema::Schema& schema, std::int64_t token,
         schema::Migration::Phase phase = schema::Migration::Phase::kPre)
      : bench_(bench), migrator_(schema, phase, {token, "me"}, {}, random_) {}

  // At most so many tasks.
  Holder& run(int tasks = 1000) {
    if (migrator_.stage() == core::Migrator::Stage::kIdle) migrator_.begin(commands_);
    for (; tasks > 0; --tasks) {
      for (core::Command& command : commands_.take()) {
        if (auto* task = std::get_if<core::StartTask>(&command)) next_ = std::move(*task);
      }
      if (!next_ && migrator_.next_tick()) migrator_.tick(commands_, *migrator_.next_tick());
      if (!next_) continue;
      const core::StartTask task = std::move(*next_);
      next_.reset();
      migrator_.on(commands_, task.id, bench_.run(task.work), Instant{});
    }
    return *this;
  }
  bool done() const { return migrator_.stage() == core::Migrator::Stage::kDone; }
  Reason reason() const { return migrator_.judgement().reason; }
  const core::Migrator& migrator() const { return migrator_; }
  const std::string& sentence() const { return migrator_.judgement().sentence; }

 private:
  Bench& bench_;
  SystemRandom random_;
  core::Migrator migrator_;
  core::Commands commands_;
  std::optional<core::StartTask> next_;
};

}  // namespace readygate::mongo::testing
