// One batch of a migration, and one command of a list.
#pragma once

#include "mongo/fenced.h"

namespace readygate::mongo {

// In the order of _id, across all types of it: find the next ones that match the filter, update those that still do,
// and look whether any still does. The very first batch has one document where the update must converge, so that one
// that does not harms no more than that. `found` 0: there are none left, and nothing was written.
tl::expected<core::MigrationMoved, core::Failure> run_batch(Fenced& fenced, const core::RunBatch& work);

tl::expected<core::MigrationMoved, core::Failure> run_command(Fenced& fenced, const core::RunCommand& work);

}  // namespace readygate::mongo
