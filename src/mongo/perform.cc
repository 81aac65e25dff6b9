#include "mongo/perform.h"

#include <type_traits>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "mongo/batch_runner.h"
#include "mongo/catalog_reader.h"
#include "mongo/commands.h"
#include "mongo/earlier_operations.h"
#include "mongo/fenced.h"
#include "mongo/handshake.h"
#include "mongo/migration_store.h"
#include "mongo/primary.h"
#include "mongo/progress_reader.h"
#include "mongo/seed_runner.h"
#include "mongo/step_runner.h"

namespace readygate::mongo {

namespace {

template <typename Answer>
core::Outcome outcome(tl::expected<Answer, core::Failure> result) {
  if (!result) return tl::unexpected(std::move(result.error()));
  if constexpr (std::is_void_v<Answer>) {
    return core::Answer(core::Done{});
  } else {
    return core::Answer(std::move(*result));
  }
}

}  // namespace

core::Outcome Performer::operator()(Pool& pool, const core::Work& work) {
  return std::visit(
      [&](const auto& what) -> core::Outcome {
        using What = std::decay_t<decltype(what)>;
        if constexpr (std::is_same_v<What, core::ReadLedger>) return read_ledger(pool);
        if constexpr (std::is_same_v<What, core::ReadCatalog>) return read_catalog(pool, what);
        if constexpr (std::is_same_v<What, core::Connect>) return connect(pool);
        if constexpr (std::is_same_v<What, core::RunStep>) return run_step(pool, what);
        if constexpr (std::is_same_v<What, core::AwaitEarlier>) return await_earlier(pool, what);
        if constexpr (std::is_same_v<What, core::InsertLedger>) return insert_ledger(pool, what);
        if constexpr (std::is_same_v<What, core::ChangeLedger>) return change_ledger(pool, what);
        if constexpr (std::is_same_v<What, core::ReadProgress>) return read_progress(pool, what);
        if constexpr (std::is_same_v<What, core::ReadMigrations>) return read_migrations(pool);
        if constexpr (std::is_same_v<What, core::ClaimMigration>) {
          return fenced(pool, what.fence, core::Doing::kWriteLedger, {},
                        [&](Fenced& f) { return claim_migration(f, what.fence, what); });
        }
        if constexpr (std::is_same_v<What, core::WriteMigration>) {
          core::Outcome written = fenced(pool, what.fence, core::Doing::kWriteLedger, {},
                                         [&](Fenced& f) { return write_migration(f, what); });
          if (what.record.state == core::RecordState::kDone) pool.drop_builders();  // the next one may be far away
          return written;
        }
        if constexpr (std::is_same_v<What, core::RunSeed>) {
          return fenced(pool, what.fence, core::Doing::kSeed, {}, [&](Fenced& f) { return run_seed(f, what); });
        }
        if constexpr (std::is_same_v<What, core::RunBatch>) {
          return fenced(pool, what.fence, core::Doing::kMigrate, what.max_time,
                        [&](Fenced& f) { return run_batch(f, what); });
        }
        if constexpr (std::is_same_v<What, core::RunCommand>) {
          return fenced(pool, what.fence, core::Doing::kMigrate, what.max_time,
                        [&](Fenced& f) { return run_command(f, what); });
        }
        if constexpr (std::is_same_v<What, core::Warm>) return warm(pool);
        if constexpr (std::is_same_v<What, core::Ping>) return ping(pool);
      },
      work);
}

core::Outcome Performer::read_ledger(Pool& pool) {
  Client client = pool.take_ledger();
  return outcome(mongo::read_ledger(client, place_));
}

core::Outcome Performer::read_catalog(Pool& pool, const core::ReadCatalog& work) {
  Client client = pool.take();
  auto primary = primary_term(client, core::Doing::kReadCatalog);  // before: it is what is read afterwards that counts
  if (!primary) return tl::unexpected(std::move(primary.error()));
  auto read = mongo::read_catalog(client, place_.database, work);
  if (read && work.rest()) {
    auto owners = read_owners(client, place_, work.collections);
    if (!owners) return tl::unexpected(std::move(owners.error()));
    read->catalog.owned_elsewhere = std::move(*owners);
  }
  if (read && work.settled) {
    if (auto settled = await_majority(client, *primary); !settled) return tl::unexpected(std::move(settled.error()));
  }
  if (read) read->primary = std::move(*primary);
  return outcome(std::move(read));
}

core::Outcome Performer::connect(Pool& pool) {
  auto client = pool.take_builder();
  if (!client) return tl::unexpected(std::move(client.error()));
  auto handshake = shake_hands(*client);
  if (!handshake) return tl::unexpected(std::move(handshake.error()));
  return core::Answer(core::Done{});
}

core::Outcome Performer::run_step(Pool& pool, const core::RunStep& work) {
  auto client = pool.take_builder();
  if (!client) return tl::unexpected(std::move(client.error()));
  return outcome(mongo::run_step(*client, place_.database, work, commit_quorum_, *clock_));
}

core::Outcome Performer::await_earlier(Pool& pool, const core::AwaitEarlier& work) {
  Client client = pool.take();
  return core::Answer(mongo::await_earlier(client, place_.database, work));
}

core::Outcome Performer::insert_ledger(Pool& pool, const core::InsertLedger& work) {
  auto client = pool.take_lease();
  if (!client) return tl::unexpected(std::move(client.error()));
  return outcome(mongo::insert_ledger(*client, place_, work));
}

core::Outcome Performer::change_ledger(Pool& pool, const core::ChangeLedger& work) {
  const bool gives_up = core::has(work.fields, core::LedgerField::kOwner) && !work.next.owner;
  auto client = pool.take_lease();
  if (!client) return tl::unexpected(std::move(client.error()));
  if (work.next.applied && core::has(work.fields, core::LedgerField::kApplied)) {
    // Before the ledger says so, and harmless when it then does not: the other way round a crash in between would leave
    // an applied version without its entry for ever.
    if (auto kept = keep_history(*client, place_, *work.next.applied); !kept) {
      return tl::unexpected(std::move(kept.error()));
    }
  }
  auto changed = mongo::change_ledger(*client, place_, work);
  if (gives_up) {
    pool.drop_builders();
    client->retire();
    return outcome(std::move(changed));
  }
  // Who acquires writes nothing that a later term could take back unseen: the renewal before `applied` asks.
  if (changed && changed->won && std::holds_alternative<core::LedgerHold>(work.match)) {
    // After: an answer that a member gave in the same term as this one was given before any other term began.
    auto primary = primary_term(*client, core::Doing::kWriteLedger);
    if (!primary) {
      core::forget_undone(primary.error());
      return tl::unexpected(std::move(primary.error()));
    }
    changed->primary = std::move(*primary);
  }
  return outcome(std::move(changed));
}

core::Outcome Performer::read_migrations(Pool& pool) {
  Client client = pool.take();
  return outcome(mongo::read_migrations(client, place_));
}

core::Outcome Performer::fenced(Pool& pool, const core::Fence& fence, core::Doing doing, Millis max_time,
                                const Run& run) {
  auto client = pool.take_builder();
  if (!client) return tl::unexpected(std::move(client.error()));
  Fenced commands(*client, place_, fence, *clock_, doing, max_time);
  return outcome(run(commands));
}

core::Outcome Performer::read_progress(Pool& pool, const core::ReadProgress& work) {
  Client client = pool.take();
  return outcome(mongo::read_progress(client, place_.database, work.token));
}

core::Outcome Performer::warm(Pool& pool) {
  Client client = pool.take_cold();
  return outcome(mongo::ping(client, core::Doing::kWarm));
}

core::Outcome Performer::ping(Pool& pool) {
  auto result = [&] {
    Client client = pool.take();
    return mongo::ping(client, core::Doing::kPing);
  }();
  if (!result && result.error().domain == core::Domain::kStream) {
    // One dead connection (a firewall forgot it) says nothing about the server; the next one does.
    Client client = pool.take();
    result = mongo::ping(client, core::Doing::kPing);
  }
  return outcome(std::move(result));
}

}  // namespace readygate::mongo
