// Commands that change documents under a lease. Each is sent only while the lease lasts, as the clock says right
// before; carries a comment that names the token; and changes nothing unless the ledger shows this holder and the
// record its claim. With transactions all of that is one: the ledger is read, the record written and the documents
// changed in one snapshot, so that a holder that has lost the lease, however late its commands arrive, has no effect at
// all.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "base/clock.h"
#include "core/migration_work.h"
#include "mongo/commands.h"
#include "mongo/handles.h"
#include "mongo/ledger_store.h"
#include "mongo/pool.h"

namespace readygate::mongo {

class Fenced {
 public:
  // All but the limit outlive this object. `doing`: what send() is for. `max_time`: of each command on the server, 0
  // for no limit but the lease's.
  Fenced(Client& client, const LedgerPlace& place, const core::Fence& fence, const Clock& clock, core::Doing doing,
         Millis max_time = {})
      : client_(client), place_(place), fence_(fence), clock_(clock), doing_(doing), max_time_(max_time) {}

  // The reply. Blocks. `at_most`: a limit for this command alone, on the server.
  tl::expected<schema::Document, core::Failure> send(Sort sort, schema::Document command, Millis at_most = Millis(0));
  // The documents of a find or aggregate that asks for one batch.
  tl::expected<std::vector<schema::Document>, core::Failure> find(schema::Document command);
  // Whether the ledger shows our token and owner.
  tl::expected<bool, core::Failure> holds();
  // Sets the record's fields, if it is under the claim that it names. False: it is not.
  tl::expected<bool, core::Failure> write_record(const core::MigrationRecord& record);

  struct Change {
    std::int64_t changed = 0;
    std::int64_t still_there = 0;  // more than 0: it is taken back, where there is a transaction
  };
  using Body = std::function<tl::expected<Change, core::Failure>()>;
  // body(), and the record as `next` says, which may be none. In a transaction body() may run more than once.
  tl::expected<core::MigrationMoved, core::Failure> run(bool in_transaction,
                                                        const std::optional<core::MigrationRecord>& next,
                                                        const Body& body);

  const LedgerPlace& place() const { return place_; }
  WallTime wall() const { return clock_.wall(); }

 private:
  tl::expected<core::MigrationMoved, core::Failure> attempt(const std::optional<core::MigrationRecord>& next,
                                                            const Body& body);
  tl::expected<core::MigrationMoved, core::Failure> in_order(const std::optional<core::MigrationRecord>& next,
                                                             const Body& body);
  core::Failure too_late() const;
  tl::expected<schema::Document, core::Failure> send_for(core::Doing doing, Sort sort, schema::Document command,
                                                         Millis at_most);
  tl::expected<std::vector<schema::Document>, core::Failure> find_for(core::Doing doing, schema::Document command);

  Client& client_;
  const LedgerPlace& place_;
  const core::Fence& fence_;
  const Clock& clock_;
  const core::Doing doing_;
  const Millis max_time_;
  mongoc_client_session_t* session_ = nullptr;  // while a transaction is open
  std::optional<bool> comments_;                // the server takes them everywhere
};

// The _id of a record's document.
std::string record_id(const LedgerPlace& place, const core::MigrationRecord& record);

}  // namespace readygate::mongo
