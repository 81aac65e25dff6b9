// Seeds and migrations where there are transactions, against a scripted replica set in this process: what is in one,
// what happens when it conflicts, and when it is not known whether it was committed.
#include <atomic>
#include <thread>

#include <poll.h>

#include "migration_rig.h"
#include "schema/fields.h"
#include "scripted_server/control.h"

namespace readygate::mongo::testing {
namespace {

// A server of the test's own; a replica set of one when it has a name. Its state is never destroyed: threads of
// connections may use it until the process ends.
class Scripted {
 public:
  explicit Scripted(const std::string& set_name = "rs0") : state_(state_of(set_name)), server_("127.0.0.1", 0, state_) {
    REQUIRE(server_.listen());
    address_ = fmt::format("127.0.0.1:{}", server_.port());
    state_.lock()->deployment.settings().address = address_;
    set_name_ = set_name;
    acceptor_ = std::thread([this] {
      while (!stopping_) {
        pollfd waiting{server_.listener(), POLLIN, 0};
        if (::poll(&waiting, 1, 20) > 0) server_.accept();
      }
    });
    run(R"({"insert": "_readygate", "documents": [{"_id": "orders", "token": {"$numberLong": "1"}, "owner": "me"}]})");
  }
  ~Scripted() {
    stopping_ = true;
    acceptor_.join();
    server_.drop_connections();
    while (!state_.lock()->descriptors.empty()) std::this_thread::sleep_for(Millis(1));
  }
  Scripted(const Scripted&) = delete;
  Scripted& operator=(const Scripted&) = delete;

  BenchSettings settings() const {
    BenchSettings settings;
    const std::string set = set_name_.empty() ? "" : "?replicaSet=" + set_name_;
    settings.uri = Secret(fmt::format("mongodb://{}/{}", address_, set));
    settings.place.database = "d";
    return settings;
  }
  // A line of the script; its answer.
  std::string line(const std::string& text) {
    std::string answer = scripted::obey(text, server_, state_);
    REQUIRE_MESSAGE(answer.find("\"error\"") == std::string::npos, answer);
    return answer;
  }
  std::string run(std::string command) {
    command.insert(1, "\"$db\": \"d\", ");
    // The command's name comes first.
    const auto document = json(command);
    schema::Document ordered = schema::without(document, {"$db"});
    schema::append(ordered, "$db", "d");
    return line(fmt::format("{{\"run\": {}}}", ordered.to_json()));
  }
  void lease(int token) {
    run(fmt::format(R"({{"update": "_readygate", "updates": [{{"q": {{"_id": "orders"}},
        "u": {{"$set": {{"token": {{"$numberLong": "{}"}}}}}}}}]}})",
                    token));
  }
  // How often each document was changed: "1 1 0".
  std::string times() {
    const std::string answer = run(R"({"find": "orders"})");
    std::string all;
    for (auto at = answer.find("\"times\" : "); at != std::string::npos; at = answer.find("\"times\" : ", at + 1)) {
      all += fmt::format("{}{}", all.empty() ? "" : " ", answer[at + 10]);
    }
    return all;
  }
  void documents(int count) {
    for (int i = 0; i < count; ++i) {
      run(fmt::format(R"({{"insert": "orders", "documents": [{{"_id": {}, "a": 1, "times": 0}}]}})", i));
    }
  }
  std::vector<schema::Document> log() {
    std::vector<schema::Document> entries;
    for (const scripted::Doc& entry : state_.lock()->script.log()) {
      const auto bytes = entry.bytes();
      bson_t view;
      REQUIRE(bson_init_static(&view, bytes.data(), bytes.size()));
      entries.emplace_back(view);
    }
    return entries;
  }
  // "find _readygate, update orders, …" of what migrations sent.
  std::string sent() {
    std::string all;
    for (const schema::Document& entry : log()) {
      const std::string name = *schema::field(entry, "name")->string();
      if (!entry.has("comment") && name != "commitTransaction" && name != "abortTransaction") continue;
      const auto target = schema::field(entry, "target");
      all += fmt::format("{}{}{}", all.empty() ? "" : ", ", name, target ? " " + *target->string() : "");
    }
    return all;
  }

 private:
  static Sync<scripted::ServerState>& state_of(const std::string& set_name) {
    static std::vector<std::unique_ptr<Sync<scripted::ServerState>>> all;
    scripted::Deployment::Settings settings;
    settings.set_name = set_name;
    const auto kind = set_name.empty() ? scripted::CatalogModel::Deployment::kStandalone
                                       : scripted::CatalogModel::Deployment::kReplicaSet;
    all.push_back(std::make_unique<Sync<scripted::ServerState>>(scripted::ServerState(settings, kind)));
    return *all.back();
  }

  Sync<scripted::ServerState>& state_;
  scripted::Server server_;
  std::string address_;
  std::string set_name_;
  std::atomic<bool> stopping_{false};
  std::thread acceptor_;
};

// It does not converge: only what is done exactly once leaves every `times` at 1.
schema::Schema counting(int size, const std::string& more = {}) {
  return schema_of(batch(R"({ "a": 1 })", R"({ "$inc": { "times": 1 } })", size, more));
}

}  // namespace

TEST_CASE("ledger, record, documents and commit are one transaction, and nothing in it has concerns of its own") {
  Scripted server;
  server.documents(3);
  Bench bench(server.settings());
  const auto schema = counting(2);
  Holder holder(bench, schema, 1);
  holder.run(2);  // read, claim
  server.line("{\"forget_log\": true}");
  holder.run(1);
  CHECK(server.sent() ==
        "count orders, find orders, find _readygate, update _readygate, update orders, commitTransaction");
  std::string transaction;
  for (const schema::Document& entry : server.log()) {
    const std::string name = *schema::field(entry, "name")->string();
    if (!entry.has("txnNumber")) continue;
    CAPTURE(entry.to_json());
    CHECK(entry.has("writeConcern") == (name == "commitTransaction"));
    CHECK(entry.has("readConcern") == entry.has("startTransaction"));
    const std::string same = schema::field(entry, "lsid")->to_json() + schema::field(entry, "txnNumber")->to_json();
    if (transaction.empty()) transaction = same;
    CHECK(same == transaction);
    if (name == "commitTransaction") CHECK(entry.to_json().find("\"majority\"") != std::string::npos);
    if (name != "commitTransaction") CHECK(schema::field(entry, "comment")->string() == "readygate:1");
  }
  CHECK(server.times() == "1 1 0");
  holder.run();
  CHECK(holder.done());
  CHECK(server.times() == "1 1 1");
}

TEST_CASE("without a replica set there is no transaction") {
  Scripted server("");
  server.documents(2);
  Bench bench(server.settings());
  const auto schema = schema_of(batch(R"({ "a": 1 })", R"({ "$inc": { "times": 1 }, "$set": { "a": 2 } })", 5));
  Holder holder(bench, schema, 1);
  holder.run();
  CAPTURE(holder.sentence());
  CHECK(holder.done());
  CHECK(server.times() == "1 1");
  for (const schema::Document& entry : server.log()) CHECK_FALSE(entry.has("startTransaction"));
}

TEST_CASE("a transaction that conflicts is done again, as a whole") {
  Scripted server;
  server.documents(2);
  Bench bench(server.settings());
  server.line(R"({"on": "update", "match": {"update": "orders"}, "times": 2,
                  "error": {"code": 112, "errmsg": "WriteConflict", "errorLabels": ["TransientTransactionError"]}})");
  const auto schema = counting(5);
  Holder holder(bench, schema, 1);
  holder.run();
  CAPTURE(holder.sentence());
  CHECK(holder.done());
  CHECK(server.times() == "1 1");
}

TEST_CASE("a commit whose answer is lost is settled by the record, whether it happened or not") {
  for (const char* when : {"before", "after"}) {
    CAPTURE(when);
    Scripted server;
    server.documents(3);
    Bench bench(server.settings());
    // Twice: the driver asks again once by itself.
    server.line(fmt::format(R"({{"on": "commitTransaction", "times": 2, "disconnect": "{}"}})", when));
    const auto schema = counting(2);
    Holder holder(bench, schema, 1);
    holder.run();
    CHECK_FALSE(holder.done());
    CHECK(holder.migrator().judgement().verdict == core::Verdict::kTransient);
    server.lease(2);
    Holder successor(bench, schema, 2);
    successor.run();
    CAPTURE(successor.sentence());
    CHECK(successor.done());
    CHECK(server.times() == "1 1 1");
  }
}

TEST_CASE("in the background an update that does not converge is taken back") {
  Scripted server;
  server.documents(2);
  Bench bench(server.settings());
  const auto schema = counting(5, "phase = 'background'");
  Holder holder(bench, schema, 1, schema::Migration::Phase::kBackground);
  holder.run();
  CHECK(holder.reason() == Reason::kMigrationNotConvergent);
  CHECK(server.times() == "0 0");
  CHECK(server.sent().find("abortTransaction") != std::string::npos);
}

TEST_CASE("a successor's token, or its claim, undoes what a former holder still sends") {
  Scripted server;
  server.documents(3);
  Bench bench(server.settings());
  const auto schema = counting(1);
  Holder former(bench, schema, 1);
  former.run(3);
  CHECK(server.times() == "1 0 0");

  SUBCASE("the ledger shows another token") { server.lease(2); }
  SUBCASE("the record is under another claim") {
    server.run(R"({"update": "_readygate", "updates": [{"q": {"_id": "orders/m/m"}, "u": {"$inc": {"claim": 1}}}]})");
  }
  former.run();
  CHECK(former.migrator().lost());
  CHECK(server.times() == "1 0 0");
}

TEST_CASE("a list of commands: those that can are in a transaction, the rest is marked first") {
  Scripted server;
  server.documents(1);
  Bench bench(server.settings());
  schema::Migration migration;
  migration.id = "c";
  migration.work =
      schema::CommandList{{json(R"({"update": "orders", "updates": [{"q": {"_id": 0}, "u": {"$inc": {"times": 1}}}]})"),
                           json(R"({"aggregate": "orders", "pipeline": [{"$merge": "models"}]})")}};
  migration.checksum = checksum_of(migration);
  schema::Schema schema = schema_of("");
  schema.migrations.push_back(migration);
  server.line(R"({"on": "commitTransaction", "times": 2, "disconnect": "after"})");
  server.line(R"({"on": "aggregate", "times": 1, "disconnect": "before"})");
  Holder first(bench, schema, 1);
  first.run();
  CHECK(first.migrator().judgement().verdict == core::Verdict::kTransient);
  Holder second(bench, schema, 1);  // the first command is known to have run
  second.run();
  CHECK(second.migrator().judgement().verdict == core::Verdict::kTransient);
  Holder third(bench, schema, 1);  // of the second nothing is known
  third.run();
  CHECK(third.reason() == Reason::kMigrationInterrupted);
  CHECK(server.times() == "1");
}

TEST_CASE("a seed and its record are one transaction, and a command takes no longer than the lease") {
  Scripted server;
  Bench bench(server.settings());
  core::MigrationRecord record;
  record.key = "s/models/1:ab";
  record.checksum = "1:ab";
  core::Fence fence{1, "me", SystemClock().now() + Seconds(30)};
  const auto claimed = expect<core::MigrationMoved>(bench.run(core::ClaimMigration{fence, record, false}));
  core::RunSeed seed{fence,          "models", schema::Seed::Mode::kReplace, {json(R"({"_id": 1, "times": 1})")},
                     claimed.record, true};
  server.line(R"({"on": "commitTransaction", "times": 2, "disconnect": "before"})");
  CHECK_FALSE(bench.run(seed));
  const auto moved = expect<core::MigrationMoved>(bench.run(seed));
  CHECK(moved.held);
  CHECK(moved.record.done == 1);
  for (const schema::Document& entry : server.log()) {
    if (!entry.has("comment")) continue;
    CAPTURE(entry.to_json());
    REQUIRE(entry.has("maxTimeMS"));
    const std::int64_t limit = *schema::field(entry, "maxTimeMS")->integer();
    CHECK(limit > 10'000);
    CHECK(limit <= 30'000);
  }
}

TEST_CASE("what gives the lease back is sent though connections are being made anew, and nothing else of it") {
  Scripted server;
  Bench bench(server.settings());
  CHECK(bench.run(core::Warm{}));
  server.line(R"({"on": "findAndModify", "times": 1, "hang": true})");
  const auto change = [](core::LedgerFields fields) {
    core::Ledger next;
    next.id = "orders";
    next.rev = "r";
    return core::ChangeLedger{core::LedgerHold{1, "me"}, fields, next};
  };
  const auto step = static_cast<core::LedgerFields>(core::LedgerField::kStep);
  const core::TaskId hanging = bench.start(change(step));
  while (server.line(R"({"count": true})").find("\"held\" : 1") == std::string::npos) {
    std::this_thread::sleep_for(Millis(1));
  }
  const core::TaskId renewal = bench.start(change(step));
  const core::TaskId release = bench.start(change(core::LedgerField::kOwner | core::LedgerField::kStep));
  bench.executor().fresh_pool();
  const core::Outcome dropped = bench.wait(renewal);
  REQUIRE_FALSE(dropped);
  CHECK(dropped.error().message.find("anew") != std::string::npos);
  CHECK_FALSE(bench.done(release));
  server.line(R"({"release": true})");
  CHECK(bench.wait(hanging));
  CHECK(expect<core::LedgerWritten>(bench.wait(release)).won);
}

}  // namespace readygate::mongo::testing
