// The invariants:
//
//   1. No step is sent by one who is not the holder at that moment, so never two replicas apply at once.
//   2. What a majority has of the ledger never moves back: neither the token nor the applied version.
//   3. A gate opens only on a database that holds what its schema declares.
//   4. When the faults end, every replica opens, but for those whose version the newest one has left behind.
//   5. In the end the database holds what the newest applied schema declares, whatever late commands did, and its seeds
//      and migrations are done.
//   6. What is not convergent is done once: no document is changed twice by a migration that does not make its own
//      filter false.
//   7. What the late command of a former holder undoes is found within one lease period and a verification, and mended.
//      Held against histories in which nothing else goes wrong: who is to look may otherwise be killed.
//   8. `reachable` never falls while answers come: an overloaded server is one that is there.
//   9. What is refused for the sake of a document, or with a code that nobody knows, is asked for twice before
//   init.failed_retry, by
//      each replica, and done once the cause is gone. An attempt that was given up before its answer came has not heard
//      it, so that where other things go wrong it may be three times.
//
// To find that an invariant does not hold ends the history: what follows would only repeat it.
#include "sim/simulation.h"

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>

#include "sim/events.h"
#include "sim/model_set.h"
#include "sim/replica.h"

namespace readygate::sim {
namespace {

constexpr Millis kCalmAfter{240'000};
constexpr Millis kEnd{kCalmAfter + Millis(240'000)};

constexpr int kDocuments = 7;
constexpr int kContracts = 4;           // the version that leaves those before it behind
constexpr Millis kFoundWithin{22'000};  // one lease period; a read of the catalog and of the ledger, and an acquisition

// Versions 1 to 3 declare one thing more each, and each works on the next. Version 4 takes away and replaces.
schema::Schema declared(int version, bool transactions) {
  std::string text = fmt::format("schema = \"shop\"\ndatabase = \"shop\"\nversion = {}\nmin_open = {}\n", version,
                                 version >= kContracts ? kContracts : 1);
  text += R"(
[policy]
contract = "apply"
conflict = "replace"
extra_indexes = "drop"

[[collection]]
name = "orders"
  [[collection.index]]
  name = "by_customer"
  key = [["customer", 1], ["placed_at", -1]]
  [[collection.index]]
  name = "number"
  unique = true
)";
  text += version >= kContracts ? "  key = [[\"number\", 1], [\"shop\", 1]]\n" : "  key = [[\"number\", 1]]\n";
  if (version >= 2 && version < kContracts) {
    text += "  [[collection.index]]\n  name = \"second\"\n  key = [[\"second\", 1]]\n";
  }
  text +=
      "[[collection]]\nname = \"customers\"\n  [[collection.index]]\n  name = \"email\"\n  key = [[\"email\", 1]]\n";
  if (version >= 3) text += "[[collection]]\nname = \"third\"\n";
  text += "[[seed]]\ncollection = \"customers\"\ndocs = '[{\"_id\": \"nobody\"}]'\n";
  const auto batch = [&](std::string_view id, std::string_view of, std::string_view phase) {
    text += fmt::format(
        "[[migration]]\nid = \"{}\"\nphase = \"{}\"\n[migration.batch]\ncollection = \"{}\"\nsize = 2\n"
        "filter = '{{\"state\": null}}'\nupdate = '[{{\"$set\": {{\"state\": \"new\"}}}}]'\n",
        id, phase, of);
  };
  if (version >= 2) {
    text +=
        "[[seed]]\ncollection = \"orders\"\nmode = \"merge\"\ndocs = '[{\"_id\": \"first\", \"state\": \"new\"}]'\n";
    if (transactions) batch("count-once", "orders", "pre");
    batch("state", "customers", "pre");
  }
  if (version >= 3) batch("later", "third", "background");
  auto schema = schema::parse(text, "sim.toml", "/nonexistent");
  if (!schema) throw std::runtime_error(toml::to_string(schema.error()));
  return *schema;
}

const schema::Schema& schema_of(int version, bool transactions) {
  static const std::vector<schema::Schema> all = [] {
    std::vector<schema::Schema> made;
    for (int each = 1; each <= kContracts; ++each) {
      made.push_back(declared(each, false));
      made.push_back(declared(each, true));
    }
    return made;
  }();
  return all.at(2 * static_cast<std::size_t>(version - 1) + (transactions ? 1 : 0));
}

class History {
 public:
  History(std::uint64_t seed, const std::function<void(const std::string&)>& trace)
      : dice_(seed), set_(events_, dice_) {
    judge_.trace = trace;
    judge_.sent = [this](const std::string& instance, std::int64_t token, const std::string& what) {
      on_sent(instance, token, what);
    };
    judge_.arrived_late = [this](const core::RunStep& step) { on_late(step); };
    judge_.opened = [this](const core::Gate& gate, const schema::Schema& schema) { on_opened(gate, schema); };
    judge_.lost_one_that_answers = [this](const core::Gate& gate) {
      broken(fmt::format("{:.8} calls a database lost that answers", gate.snapshot().instance_id));
    };
    judge_.refused_again = [this](const core::Gate& gate, const std::string& what, std::size_t times) {
      if (times <= (quiet_ ? 2U : 3U)) return;
      broken(fmt::format("{:.8} was refused {} times in a row: {}", gate.snapshot().instance_id, times, what));
    };
    set_.on_commit = [this] { on_commit(); };
    set_.on_reading = [this] { roll_back_what_is_read(); };
    choose_weather();
    const int replicas = static_cast<int>(dice_.between(2, 12));
    newest_ = quiet_ ? kContracts : static_cast<int>(dice_.between(1, kContracts));
    transactions_ = dice_.chance(0.5);
    set_.hides_builds = dice_.chance(0.3);
    set_.prepare([this](ModelSet::State& state) {
      state.documents.transactions = transactions_;
      for (const char* collection : {"orders", "customers", "third"}) {
        for (int i = 0; i < kDocuments; ++i) state.documents.batch[collection][i] = {};
      }
    });
    if (dice_.chance(0.2)) refuse_for_a_while();
    for (int i = 0; i < replicas; ++i) {
      const int version = i == 0 || dice_.chance(0.5) ? newest_ : static_cast<int>(dice_.between(1, newest_));
      replicas_.push_back(
          std::make_unique<Replica>(events_, dice_, set_, weather_, judge_, schema_of(version, transactions_), i));
    }
  }

  std::optional<Violation> run() {
    for (const auto& replica : replicas_) {
      const Millis start = dice_.chance(0.6) ? Millis(0) : dice_.millis(0, 60'000);
      events_.after(start, [&r = *replica] {
        if (!r.alive()) r.start();
      });
    }
    if (!quiet_) next_fault();
    for (Millis at{1'000}; at <= kEnd && !violation_; at += Millis(1'000)) {
      if (at == kCalmAfter) {
        say("calm");
        weather_ = Weather{};
        set_.overloaded_for(Millis(0), 0);
        set_.refuse("", 0);
      }
      events_.run_until(at);
    }
    if (!violation_) check_end();
    return violation_;
  }

 private:
  void say(const std::string& line) const {
    if (judge_.trace) judge_.trace(fmt::format("{:>9} {}", events_.now().count(), line));
  }
  void broken(std::string what) {
    if (!violation_) violation_ = Violation{std::move(what), events_.now().count()};
  }

  // Some seeds are mild, some are not; each kind of fault is absent from some.
  void choose_weather() {
    quiet_ = dice_.chance(0.1);
    if (quiet_) {
      weather_.held_up = 0.5;
      return;
    }
    const double severity = dice_.chance(0.3) ? 0.3 : 1.0;
    const auto rate = [&](double most) { return dice_.chance(0.3) ? 0.0 : severity * most; };
    weather_.request_lost = rate(0.05);
    weather_.answer_lost = rate(0.08);
    weather_.answer_repeated = rate(0.1);
    weather_.request_late = rate(0.05);
    weather_.crash = rate(0.01);
    worst_moments_ = rate(0.3);
    overloads_ = rate(0.3);
    fault_pause_ = dice_.chance(0.2) ? Millis(60'000) : dice_.millis(2'000, 20'000);
  }

  // A document is in the way, until somebody removes it.
  void refuse_for_a_while() {
    constexpr std::array kCollections{"orders", "customers", "third"};
    const std::string collection = kCollections.at(dice_.next() % kCollections.size());
    const int code = dice_.chance(0.5) ? 16755 : 8'888;  // known as one of documents, and known to nobody
    set_.refuse(collection, code);
    events_.after(dice_.millis(1'000, kCalmAfter.count() - 1'000), [this, collection] {
      say(fmt::format("nothing is in the way of {} any more", collection));
      set_.refuse("", 0);
    });
  }

  void next_fault() {
    events_.after(dice_.millis(0, 2 * fault_pause_.count()), [this] {
      if (events_.now() >= kCalmAfter - Millis(1'000)) return;
      fault();
      next_fault();
    });
  }

  void fault() {
    if (dice_.chance(overloads_)) {
      const Millis duration = dice_.chance(0.5) ? dice_.millis(60'000, 120'000) : dice_.millis(500, 30'000);
      const double refused = dice_.chance(0.5) ? 1.0 : 0.7;
      say(fmt::format("overloaded for {} ms, {} of 10 requests refused", duration.count(), refused * 10));
      set_.overloaded_for(duration, refused);
      return;
    }
    Replica& victim = *replicas_[static_cast<std::size_t>(dice_.next() % replicas_.size())];
    switch (dice_.next() % 5) {
      case 0: elect(dice_.chance(0.6), dice_.millis(200, 12'000)); break;
      case 1: {
        const Millis duration = dice_.millis(500, 30'000);
        say(fmt::format("no majority for {} ms", duration.count()));
        set_.majority_away_for(duration);
        break;
      }
      case 2: victim.stop_for(dice_.chance(0.5) ? dice_.millis(15'000, 60'000) : dice_.millis(10, 5'000)); break;
      case 3: victim.crash(dice_.millis(100, 30'000)); break;
      default:
        // The holder, who is the one that it hurts.
        for (const auto& replica : replicas_) {
          const bool holds = replica->alive() && replica->gate()->snapshot().lease.mine;
          if (holds) replica->stop_for(dice_.millis(10'000, 40'000));
        }
    }
  }

  void elect(bool rolls_back, Millis takes) {
    say(fmt::format("an election of {} ms{}", takes.count(), rolls_back ? ", with a rollback" : ""));
    set_.elect(rolls_back, takes);
    for (const auto& replica : replicas_) replica->topology(false);
    events_.after(set_.elected_at() - events_.now() + Millis(1), [this] {
      if (!set_.has_primary()) return;
      for (const auto& replica : replicas_) replica->topology(true);
    });
  }

  // What is missing arrives, as if a former holder had sent it long ago; it is read; and an election takes it away
  // again, so short that what the reader sends next reaches the new primary.
  void roll_back_what_is_read() {
    if (events_.now() >= kCalmAfter || !dice_.chance(worst_moments_)) return;
    const schema::Plan plan = schema::diff(schema_of(newest_, transactions_), set_.primary().catalog);
    if (plan.empty()) return;
    say("what is missing arrives, to be rolled back");
    for (const schema::Step& step : plan.steps) set_.arrive_late(step.command, Millis(500));
    events_.after(dice_.millis(0, 60), [this] { elect(true, dice_.millis(0, 10)); });
  }

  void on_sent(const std::string& instance, std::int64_t token, const std::string& what) {
    const auto& ledger = set_.primary().ledger;
    if (ledger && ledger->token == token && ledger->owner == instance) return;
    broken(fmt::format("\"{}\" is sent under token {} by {:.8}, and the ledger says token {} and owner {:.8}", what,
                       token, instance, ledger ? ledger->token : -1,
                       ledger && ledger->owner ? *ledger->owner : "none"));
  }

  void on_commit() {
    const auto& ledger = set_.committed().ledger;
    if (!ledger) return;
    const int version = ledger->applied ? ledger->applied->version : 0;
    if (ledger->token < token_ || version < version_) {
      broken(fmt::format("the ledger moved back: token {} to {}, version {} to {}", token_, ledger->token, version_,
                         version));
    }
    token_ = ledger->token;
    version_ = version;
    for (const auto& [id, document] : set_.committed().documents.batch.at("orders")) {
      if (document.changed > 1) broken(fmt::format("document {} of orders is changed {} times", id, document.changed));
    }
  }

  // A step arrives late. Where nothing else goes wrong, somebody has found what it undid, and raised the token, within
  // a lease period.
  void on_late(const core::RunStep& step) {
    say(fmt::format("late: {}", step.step.what));
    if (!quiet_) return;
    undone_ = true;
    events_.after(Millis(1), [this] {
      const auto& ledger = set_.primary().ledger;
      const bool undone = ledger->applied && !ledger->owner && ledger->applied->version == newest_ &&
                          !missing(set_.primary(), schema_of(newest_, transactions_)).empty();
      if (!undone) return;
      say("it undid what a successor had made");
      events_.after(kFoundWithin, [this, token = ledger->token] {
        const std::string lacks = missing(set_.primary(), schema_of(newest_, transactions_));
        if (set_.primary().ledger->token == token && !lacks.empty()) {
          broken(
              fmt::format("nobody has found within {} ms what a late command undid: {}", kFoundWithin.count(), lacks));
        }
      });
    });
  }

  static std::string missing(const ModelSet::State& state, const schema::Schema& schema) {
    const schema::Plan plan = schema::diff(schema, state.catalog);
    return plan.empty() ? "" : fmt::format("{}: {}", plan.steps.front().collection, plan.steps.front().what);
  }

  void on_opened(const core::Gate& gate, const schema::Schema& schema) {
    if (left_behind(schema) || undone_) return;
    const std::string lacks = missing(set_.committed(), schema);  // what a majority has is what counts
    if (!lacks.empty()) {
      broken(fmt::format("{:.8} opens with version {} on a database that lacks it: {}", gate.snapshot().instance_id,
                         schema.version, lacks));
    }
  }

  // What it needs may go at any moment: whoever is open by then stays so.
  bool left_behind(const schema::Schema& schema) const { return newest_ == kContracts && schema.version < newest_; }

  void check_documents(int newest) {
    const auto& documents = set_.committed().documents;
    const auto changed = [&](const char* collection) {
      for (const auto& [id, document] : documents.batch.at(collection)) {
        if (document.changed == 0) broken(fmt::format("document {} of {} is not changed at the end", id, collection));
      }
    };
    const auto seeded = [&](const char* collection) {
      const auto found = documents.seeded.find(collection);
      if (found == documents.seeded.end() || found->second.empty()) broken(fmt::format("{} is not seeded", collection));
    };
    seeded("customers");
    if (newest >= 2) {
      seeded("orders");
      if (transactions_) changed("orders");
      changed("customers");
    }
    if (newest >= 3) changed("third");
  }

  void check_end() {
    int newest = 0;
    for (const auto& replica : replicas_) {
      newest = std::max(newest, replica->schema().version);
      if (!replica->open() && !left_behind(replica->schema())) {
        broken(fmt::format("replica {} is not open at the end: {}", replica->number(),
                           replica->alive() ? replica->gate()->snapshot().reason : "dead"));
      }
    }
    if (version_ != newest) broken(fmt::format("version {} is applied at the end, not {}", version_, newest));
    const std::string lacks = missing(set_.committed(), schema_of(newest, transactions_));
    if (!lacks.empty()) broken(fmt::format("the database lacks at the end: {}", lacks));
    check_documents(newest);
  }

  Events events_;
  Dice dice_;
  ModelSet set_;
  Weather weather_;
  Judge judge_;
  Millis fault_pause_{10'000};
  double worst_moments_ = 0;
  double overloads_ = 0;  // of the faults, in place of another
  int newest_ = 1;
  bool quiet_ = false;  // nothing goes wrong but that steps which take something away are held up
  bool transactions_ = true;
  bool undone_ = false;  // something may be, by a late command: 7, and not 3, says what follows
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::optional<Violation> violation_;
  std::int64_t token_ = -1;
  int version_ = 0;
};

}  // namespace

std::optional<Violation> simulate(std::uint64_t seed, const std::function<void(const std::string&)>& trace) {
  return History(seed, trace).run();
}

}  // namespace readygate::sim
