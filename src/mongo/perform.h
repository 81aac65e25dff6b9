// One piece of work against one pool: from core::Work to core::Outcome.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "core/work.h"
#include "mongo/ledger_store.h"
#include "mongo/pool.h"

namespace readygate::mongo {

class Fenced;

class Performer {
 public:
  Performer(std::string database, std::string schema_name, std::shared_ptr<const Clock> clock)
      : place_{std::move(database), std::move(schema_name)}, clock_(std::move(clock)) {}

  // Blocks. Any number of threads at once.
  core::Outcome operator()(Pool& pool, const core::Work& work);

 private:
  core::Outcome read_ledger(Pool& pool);
  core::Outcome read_catalog(Pool& pool, const core::ReadCatalog& work);
  core::Outcome run_step(Pool& pool, const core::RunStep& work);
  core::Outcome insert_ledger(Pool& pool, const core::InsertLedger& work);
  core::Outcome change_ledger(Pool& pool, const core::ChangeLedger& work);
  core::Outcome read_migrations(Pool& pool);
  // Documents take their time, as builds do.
  using Run = std::function<tl::expected<core::MigrationMoved, core::Failure>(Fenced& fenced)>;
  core::Outcome fenced(Pool& pool, const core::Fence& fence, Millis max_time, const Run& run);
  core::Outcome warm(Pool& pool);
  core::Outcome ping(Pool& pool);

  LedgerPlace place_;
  std::shared_ptr<const Clock> clock_;
};

}  // namespace readygate::mongo
