// A database in memory that answers the core's tasks: a catalog that create, createIndexes, dropIndexes and collMod
// change, and one control document behind a compare-and-set. It does what is asked at once and honestly; faults are the
// test's to inject.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "core/work.h"
#include "support/model/model_migrations.h"

namespace readygate::test {

class ModelDatabase {
 public:
  // Called before each task; a failure that it returns is the answer, and nothing is done.
  std::function<std::optional<core::Failure>(const core::Work&)> fault;

  core::Outcome run(const core::Work& work);

  schema::Catalog catalog;          // a build that it shows is over with the next createIndexes of the index
  std::int64_t documents_each = 0;  // that every collection holds
  bool hides_builds = false;        // a reading does not tell an index that is being built from the others
  std::optional<core::Ledger> ledger;
  std::string primary;  // its term; see core::CatalogRead
  ModelMigrations migrations;
  std::vector<core::BuildProgress> builds;  // what currentOp shows
  std::map<std::string, int> count;  // "find", "catalog", "connect", "step", "write", "warm", "ping", "currentOp";
                                     // "renewal": a write that only renews

 private:
  core::Outcome answer(const core::ReadLedger& work);
  core::Outcome answer(const core::ReadCatalog& work);
  core::Outcome answer(const core::Connect& work);
  core::Outcome answer(const core::RunStep& work);
  core::Outcome answer(const core::AwaitEarlier& work);
  core::Outcome answer(const core::InsertLedger& work);
  core::Outcome answer(const core::ChangeLedger& work);
  core::Outcome answer(const core::ReadProgress& work);
  core::Outcome answer(const core::Warm& work);
  core::Outcome answer(const core::Ping& work);
  template <typename MigrationWork>
  core::Outcome answer(const MigrationWork& work) {
    if (ledger) {  // what the fence of a write is compared with
      migrations.token = ledger->token;
      migrations.owner = ledger->owner.value_or("");
    }
    return migrations.answer(work);
  }
};

// Whether the ledger is what a compare-and-set expects; and the ledger after it.
bool matches(const std::optional<core::Ledger>& ledger, const core::LedgerMatch& match);
core::Ledger changed(core::Ledger before, const core::ChangeLedger& change);
void run_command(schema::Catalog& catalog, const schema::Document& command);

// A failure of the server with this code.
core::Failure server_error(int code, std::string message = "refused for the test");
core::Failure connection_refused();
// Of an overloaded server that has done nothing of the command: code 462 with its labels.
core::Failure overloaded_error(Millis base_backoff = Millis(0));

}  // namespace readygate::test
