// Some documents of a seed.
#pragma once

#include "mongo/fenced.h"

namespace readygate::mongo {

// insert_missing: what is not there is inserted, what is there is left as it is; repeating it changes nothing. A
// document that another one keeps out (a unique index) is a failure with code 11000. merge and replace: upserts by _id.
tl::expected<core::MigrationMoved, core::Failure> run_seed(Fenced& fenced, const core::RunSeed& work);

}  // namespace readygate::mongo
