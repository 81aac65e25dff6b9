#include "mongo/fenced.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "mongo/handshake.h"
#include "mongo/migration_bson.h"
#include "schema/fields.h"

namespace readygate::mongo {

namespace {

using core::Doing;
using core::Domain;
using core::Failure;
using core::MigrationMoved;
using schema::append;
using schema::Document;

constexpr int kMostTries = 5;  // of a transaction that the server aborts
constexpr Millis kBetweenTries{50};

// A transaction on a client. One that is not committed is aborted at the end of its scope.
class Transaction {
 public:
  static tl::expected<Transaction, Failure> begin(Client& client) {
    bson_error_t error{};
    Transaction transaction(client);
    transaction.session_.reset(mongoc_client_start_session(client.get(), nullptr, &error));
    if (!transaction.session_) return tl::unexpected(client.failure(error, nullptr, Doing::kWriteLedger, Millis(0)));
    const TransactionOptionsHandle options{mongoc_transaction_opts_new()};
    const ReadConcernHandle snapshot{mongoc_read_concern_new()};
    mongoc_read_concern_set_level(snapshot.get(), MONGOC_READ_CONCERN_LEVEL_SNAPSHOT);
    mongoc_transaction_opts_set_read_concern(options.get(), snapshot.get());
    const WriteConcernHandle majority{mongoc_write_concern_new()};
    mongoc_write_concern_set_w(majority.get(), MONGOC_WRITE_CONCERN_W_MAJORITY);
    mongoc_write_concern_set_wtimeout_int64(majority.get(), kWriteConcernTimeout.count());
    mongoc_transaction_opts_set_write_concern(options.get(), majority.get());
    if (!mongoc_client_session_start_transaction(transaction.session_.get(), options.get(), &error)) {
      return tl::unexpected(client.failure(error, nullptr, Doing::kWriteLedger, Millis(0)));
    }
    return transaction;
  }

  Transaction(Transaction&&) noexcept = default;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction() {
    bson_error_t ignored{};
    if (session_ && mongoc_client_session_in_transaction(session_.get())) {
      mongoc_client_session_abort_transaction(session_.get(), &ignored);
    }
  }

  mongoc_client_session_t* session() const { return session_.get(); }

  // A failure without the label TransientTransactionError leaves open whether it was committed.
  tl::expected<void, Failure> commit() {
    const std::int64_t started = bson_get_monotonic_time();
    bson_t reply;
    bson_error_t error{};
    const bool done = mongoc_client_session_commit_transaction(session_.get(), &reply, &error);
    const Document answer(reply);
    bson_destroy(&reply);
    if (done) return {};
    const Millis elapsed((bson_get_monotonic_time() - started) / 1000);
    return tl::unexpected(client_.failure(error, answer.get(), Doing::kWriteLedger, elapsed));
  }

 private:
  explicit Transaction(Client& client) : client_(client) {}

  Client& client_;
  SessionHandle session_;
};

// 0 is no limit.
Millis shorter(Millis a, Millis b) {
  if (a <= Millis(0)) return b;
  return b <= Millis(0) ? a : std::min(a, b);
}

MigrationMoved lost() {
  MigrationMoved moved;
  moved.held = false;
  return moved;
}

}  // namespace

std::string record_id(const LedgerPlace& place, const core::MigrationRecord& record) {
  return fmt::format("{}/{}", place.schema_name, record.key);
}

Failure Fenced::too_late() const {
  return Failure{
      Domain::kOther, 0, Doing::kWriteLedger, "a command was not sent: the time of its lease had run out", {}};
}

tl::expected<Document, Failure> Fenced::send(Sort sort, Document command, Millis at_most) {
  return send_for(doing_, sort, std::move(command), at_most);
}

tl::expected<Document, Failure> Fenced::send_for(Doing doing, Sort sort, Document command, Millis at_most) {
  if (!comments_) {
    const auto handshake = shake_hands(client_);
    if (!handshake) return tl::unexpected(handshake.error());
    comments_ = handshake->wire_version >= kCommentsEverywhere;
  }
  if (*comments_) append(command, "comment", fmt::format("readygate:{}", fence_.token));
  Document options;
  if (session_ != nullptr) {
    bson_error_t error{};
    if (!mongoc_client_session_append(session_, options.get(), &error)) {
      return tl::unexpected(client_.failure(error, nullptr, Doing::kWriteLedger, Millis(0)));
    }
  }
  // The last thing before sending: what is sent later than this could undo the work of a successor.
  Millis limit = shorter(max_time_, at_most);
  if (fence_.not_after) {
    const Millis left = millis(*fence_.not_after - clock_.now());
    if (left <= Millis(0)) return tl::unexpected(too_late());
    limit = shorter(limit, left);
  }
  if (limit > Millis(0)) append(command, "maxTimeMS", static_cast<std::int64_t>(limit.count()));
  return mongo::run(client_, sort, place_.database, command.get(), options.get(), doing);
}

tl::expected<std::vector<Document>, Failure> Fenced::find(Document command) {
  return find_for(doing_, std::move(command));
}

tl::expected<std::vector<Document>, Failure> Fenced::find_for(Doing doing, Document command) {
  const auto reply = send_for(doing, Sort::kRead, std::move(command), Millis(0));
  if (!reply) return tl::unexpected(reply.error());
  return first_batch(*reply).value_or(Batch{}).documents;
}

tl::expected<bool, Failure> Fenced::holds() {
  Document filter;
  append(filter, "_id", place_.schema_name);
  append(filter, "token", fence_.token);
  append(filter, "owner", fence_.owner);
  Document projection;
  append(projection, "_id", 1);
  Document command;
  append(command, "find", core::kControlCollection);
  append(command, "filter", filter);
  append(command, "projection", projection);
  append(command, "limit", 1);
  append(command, "singleBatch", true);
  return find_for(Doing::kReadLedger, std::move(command)).map([](const std::vector<Document>& found) {
    return !found.empty();
  });
}

tl::expected<bool, Failure> Fenced::write_record(const core::MigrationRecord& record) {
  Document filter;
  append(filter, "_id", record_id(place_, record));
  append(filter, "token", record.token);
  append(filter, "owner", record.owner);
  append(filter, "claim", record.claim);
  Document change;
  append(change, "$set", fields_of(record));
  Document statement;
  append(statement, "q", filter);
  append(statement, "u", change);
  Document command;
  append(command, "update", core::kControlCollection);
  append(command, "updates", std::vector<Document>{statement});
  const auto reply = send_for(Doing::kWriteLedger, Sort::kWrite, std::move(command), Millis(0));
  if (!reply) return tl::unexpected(reply.error());
  const auto count = schema::field(*reply, "n");
  return count && count->integer() == 1;
}

tl::expected<MigrationMoved, Failure> Fenced::run(bool in_transaction, const std::optional<core::MigrationRecord>& next,
                                                  const Body& body) {
  if (!in_transaction) return in_order(next, body);
  for (int tries = 1;; ++tries) {
    auto moved = attempt(next, body);
    session_ = nullptr;
    // The label says that nothing of it happened. Whoever has too much to do is not asked again so soon.
    if (moved || tries == kMostTries || core::overloaded(moved.error()) ||
        !core::labelled(moved.error(), "TransientTransactionError")) {
      return moved;
    }
    std::this_thread::sleep_for(kBetweenTries * tries);
  }
}

tl::expected<MigrationMoved, Failure> Fenced::attempt(const std::optional<core::MigrationRecord>& next,
                                                      const Body& body) {
  auto transaction = Transaction::begin(client_);
  if (!transaction) return tl::unexpected(std::move(transaction.error()));
  session_ = transaction->session();
  const auto held = holds();
  if (!held) return tl::unexpected(held.error());
  if (!*held) return lost();
  if (next) {
    const auto written = write_record(*next);
    if (!written) return tl::unexpected(written.error());
    if (!*written) return lost();
  }
  const auto change = body();
  if (!change) return tl::unexpected(change.error());
  MigrationMoved moved;
  moved.changed = change->changed;
  moved.still_there = change->still_there;
  if (next) moved.record = *next;
  if (moved.still_there > 0) return moved;
  if (fence_.not_after && clock_.now() >= *fence_.not_after) return tl::unexpected(too_late());
  if (auto committed = transaction->commit(); !committed) return tl::unexpected(std::move(committed.error()));
  return moved;
}

// The documents first: what is changed and not noted is found to need no change, what is noted and not changed would
// never be found again.
tl::expected<MigrationMoved, Failure> Fenced::in_order(const std::optional<core::MigrationRecord>& next,
                                                       const Body& body) {
  const auto held = holds();
  if (!held) return tl::unexpected(held.error());
  if (!*held) return lost();
  const auto change = body();
  if (!change) return tl::unexpected(change.error());
  MigrationMoved moved;
  moved.changed = change->changed;
  moved.still_there = change->still_there;
  if (!next) return moved;
  moved.record = *next;
  if (moved.still_there > 0) return moved;
  auto written = write_record(*next);
  if (!written) {
    core::forget_undone(written.error());
    return tl::unexpected(std::move(written.error()));
  }
  return *written ? moved : lost();
}

}  // namespace readygate::mongo
