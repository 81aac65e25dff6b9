// The control document in the database: read, and written by compare-and-set.
#pragma once

#include <string>
#include <vector>

#include "core/work.h"
#include "mongo/pool.h"
#include "mongo/settings.h"

namespace readygate::mongo {

// What is said of a control document that cannot be understood.
core::Failure damaged(const LedgerPlace& place, const std::string& id, const std::string& what);

// One find: primary, read concern majority.
tl::expected<core::LedgerRead, core::Failure> read_ledger(Client& client, const LedgerPlace& place);

// Those of every schema of the database, by name. One find, read concern majority.
tl::expected<std::vector<core::Ledger>, core::Failure> read_ledgers(Client& client, const std::string& database);

// Which of the collections other schemas of the database made. One find, read concern majority.
tl::expected<std::vector<schema::ForeignOwner>, core::Failure> read_owners(Client& client, const LedgerPlace& place,
                                                                           const std::vector<std::string>& collections);

// False in `won`: a document with that _id is there already. Write concern majority, as the next.
tl::expected<core::LedgerWritten, core::Failure> insert_ledger(Client& client, const LedgerPlace& place,
                                                               const core::InsertLedger& insertion);

// One findAndModify filtered on what is expected. A majority that did not acknowledge is a failure, and so is an answer
// that did not come: whether the write happened is then not known. `primary` is left empty.
tl::expected<core::LedgerWritten, core::Failure> change_ledger(Client& client, const LedgerPlace& place,
                                                               const core::ChangeLedger& change);

// Keeps what was applied, once per version; that it is there already is fine.
tl::expected<void, core::Failure> keep_history(Client& client, const LedgerPlace& place, const core::Applied& applied);

}  // namespace readygate::mongo
