#include "unit/core/harness.h"

#include <stdexcept>
#include <utility>

namespace readygate::test {

schema::Schema example_schema(int version, const std::string& policy, const std::string& more) {
  const std::string text = "schema = \"shop\"\ndatabase = \"shop\"\nversion = " + std::to_string(version) +
                           "\nmin_open = 1\n[policy]\n" + policy + R"(
[[collection]]
name = "orders"
  [[collection.index]]
  name = "by_customer"
  key = [["customer", 1], ["placed_at", -1]]
  [[collection.index]]
  name = "number"
  key = [["number", 1]]
  unique = true
[[collection]]
name = "customers"
  [[collection.index]]
  name = "email"
  key = [["email", 1]]
)" + more;
  auto schema = schema::parse(text, "example.toml", "/nonexistent");
  if (!schema) throw std::runtime_error(toml::to_string(schema.error()));
  return *schema;
}

Harness::Harness(schema::Schema schema, core::GateSettings settings, std::uint64_t seed)
    : random(seed), gate(settings, std::move(schema), random, now()) {}

void Harness::collect() {
  for (core::Command& command : gate.take_commands()) {
    if (auto* task = std::get_if<core::StartTask>(&command)) {
      tasks.push_back(std::move(*task));
    } else if (auto* say = std::get_if<core::Say>(&command)) {
      log.push_back(std::move(*say));
    } else if (std::holds_alternative<core::FreshPool>(command)) {
      ++fresh_pools;
    } else if (const auto* ask = std::get_if<core::AskCheck>(&command)) {
      asked.push_back(ask->index);
    } else {
      quit = true;
    }
  }
}

void Harness::answer_one() {
  collect();
  const core::StartTask task = tasks.front();
  tasks.pop_front();
  gate.finished(task.id, database.run(task.work), now());
  collect();
}

void Harness::answer_all() {
  collect();
  while (!tasks.empty()) answer_one();
}

void Harness::pass(Millis duration) {
  const Instant end = instant_ + duration;
  for (;;) {
    collect();
    const auto next = gate.next_tick(instant_);
    if (!next || *next > end) break;
    const Instant to = std::max(*next, instant_);
    wall_ += millis(to - instant_);
    instant_ = to;
    gate.tick(now());
  }
  wall_ += millis(end - instant_);
  instant_ = end;
  collect();
}

void Harness::primary(bool known) {
  core::TopologyChanged change;
  change.primary = known;
  change.topology = known ? "replicaset" : "unknown";
  gate.topology(change, now());
  collect();
}

void Harness::open() {
  gate.start(now());
  primary(true);
  answer_all();
}

int Harness::said(std::string_view message_start) const {
  int count = 0;
  for (const core::Say& say : log) count += say.message.starts_with(message_start) ? 1 : 0;
  return count;
}

std::string Harness::path() const {
  std::string all;
  for (const core::Say& say : log) {
    if (say.message.starts_with("State: ")) all += (all.empty() ? "" : " ") + say.message.substr(7);
  }
  return all;
}

}  // namespace readygate::test
