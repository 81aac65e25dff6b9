// The documents of `_readygate` that belong to one schema, beside its ledger.
#pragma once

#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "core/failure.h"
#include "core/ledger.h"
#include "mongo/ledger_store.h"
#include "mongo/pool.h"
#include "schema/document.h"

namespace readygate::mongo {

// Those with an _id that begins with "<schema>/<kind>/", for each of these kinds ("v", "m", "s"). Primary, read concern
// majority; blocks.
tl::expected<std::vector<schema::Document>, core::Failure> control_documents(
    Client& client, const LedgerPlace& place, const std::vector<std::string_view>& kinds);

// The versions that were applied, in the order of their _ids.
tl::expected<std::vector<core::Applied>, core::Failure> read_history(Client& client, const LedgerPlace& place);

}  // namespace readygate::mongo
