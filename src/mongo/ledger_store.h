// The control document in the database: read, and written by compare-and-set.
#pragma once

#include <string>

#include "core/work.h"
#include "mongo/pool.h"

namespace readygate::mongo {

struct LedgerPlace {
  std::string database;
  std::string schema_name;
};

// One find: primary, read concern majority.
tl::expected<core::LedgerRead, core::Failure> read_ledger(Client& client, const LedgerPlace& place);

// An insert when nothing is expected, else one findAndModify filtered on {_id, token, rev}; write concern majority. A
// majority that did not acknowledge is a failure, and so is an answer that did not come: whether the write happened is
// then not known.
tl::expected<core::LedgerWritten, core::Failure> write_ledger(Client& client, const LedgerPlace& place,
                                                              const core::WriteLedger& write);

// Keeps what was applied, once per version; that it is there already is fine.
tl::expected<void, core::Failure> keep_history(Client& client, const LedgerPlace& place, const core::Applied& applied);

}  // namespace readygate::mongo
