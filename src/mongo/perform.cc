#include "mongo/perform.h"

#include <type_traits>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "mongo/catalog_reader.h"
#include "mongo/commands.h"
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
        if constexpr (std::is_same_v<What, core::RunStep>) return run_step(pool, what);
        if constexpr (std::is_same_v<What, core::WriteLedger>) return write_ledger(pool, what);
        if constexpr (std::is_same_v<What, core::Warm>) return warm(pool);
        if constexpr (std::is_same_v<What, core::Ping>) return ping(pool);
      },
      work);
}

core::Outcome Performer::read_ledger(Pool& pool) {
  Client client = pool.take();
  return outcome(mongo::read_ledger(client, place_));
}

core::Outcome Performer::read_catalog(Pool& pool, const core::ReadCatalog& work) {
  Client client = pool.take();
  return outcome(mongo::read_catalog(client, place_.database, work));
}

core::Outcome Performer::run_step(Pool& pool, const core::RunStep& work) {
  auto client = pool.take_builder();
  if (!client) return tl::unexpected(std::move(client.error()));
  return outcome(mongo::run_step(*client, place_.database, work, *clock_));
}

core::Outcome Performer::write_ledger(Pool& pool, const core::WriteLedger& work) {
  Client client = pool.take();
  if (const auto& applied = work.next.applied) {
    // Before the ledger says so, and harmless when it then does not: the other way round a crash in between would leave
    // an applied version without its entry for ever.
    std::string entry = fmt::format("{}/{}", applied->version, applied->hash);
    if (*history_kept_.lock() != entry) {
      if (auto kept = keep_history(client, place_, *applied); !kept) return tl::unexpected(std::move(kept.error()));
      *history_kept_.lock() = std::move(entry);
    }
  }
  core::Outcome written = outcome(mongo::write_ledger(client, place_, work));
  if (written) pool.drop_builders();  // the ledger is written when the steps are done
  return written;
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
