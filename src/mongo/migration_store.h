// The records of migrations and seeds in the database: read, claimed, and written under a claim. Write concern
// majority; a majority that did not acknowledge is a failure, and whether the write happened is then not known: the
// next claim finds out.
#pragma once

#include "mongo/fenced.h"

namespace readygate::mongo {

// Every record of the schema; primary, read concern majority.
tl::expected<core::MigrationsRead, core::Failure> read_migrations(Client& client, const LedgerPlace& place);

tl::expected<core::MigrationMoved, core::Failure> claim_migration(Fenced& fenced, const core::Fence& fence,
                                                                  const core::ClaimMigration& work);

tl::expected<core::MigrationMoved, core::Failure> write_migration(Fenced& fenced, const core::WriteMigration& work);

}  // namespace readygate::mongo
