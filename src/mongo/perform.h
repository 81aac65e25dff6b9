// One piece of work against one pool: from core::Work to core::Outcome.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.h"
#include "core/work.h"
#include "mongo/ledger_store.h"
#include "mongo/pool.h"
#include "mongo/settings.h"

namespace readygate::mongo {

class Fenced;

class Performer {
 public:
  Performer(LedgerPlace place, std::string commit_quorum, std::shared_ptr<const Clock> clock)
      : place_(std::move(place)), commit_quorum_(std::move(commit_quorum)), clock_(std::move(clock)) {}

  // Blocks. Any number of threads at once.
  core::Outcome operator()(Pool& pool, const core::Work& work);

 private:
  core::Outcome read_ledger(Pool& pool);
  core::Outcome read_catalog(Pool& pool, const core::ReadCatalog& work);
  core::Outcome connect(Pool& pool);
  core::Outcome run_step(Pool& pool, const core::RunStep& work);
  core::Outcome await_earlier(Pool& pool, const core::AwaitEarlier& work);
  core::Outcome insert_ledger(Pool& pool, const core::InsertLedger& work);
  core::Outcome change_ledger(Pool& pool, const core::ChangeLedger& work);
  core::Outcome read_migrations(Pool& pool);
  // Documents take their time, as builds do.
  using Run = std::function<tl::expected<core::MigrationMoved, core::Failure>(Fenced& fenced)>;
  core::Outcome fenced(Pool& pool, const core::Fence& fence, core::Doing doing, Millis max_time, const Run& run);
  core::Outcome read_progress(Pool& pool, const core::ReadProgress& work);
  core::Outcome warm(Pool& pool);
  core::Outcome ping(Pool& pool);

  LedgerPlace place_;
  std::string commit_quorum_;
  std::shared_ptr<const Clock> clock_;
};

}  // namespace readygate::mongo
