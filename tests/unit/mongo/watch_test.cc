// What the monitors tell, without a network: libmongoc's part is played by the test.
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <mongoc/mongoc.h>

#include "mongo/catalog_reader.h"
#include "mongo/watch.h"

namespace readygate::mongo {
namespace {

using core::Domain;

struct Told {
  std::vector<core::TopologyChanged> changes;
  Watch watch{
      {[this](core::TopologyChanged change) { changes.push_back(std::move(change)); }, {}}, Target{}, Millis(500)};

  void unresolved(const char* host) {
    bson_error_t error{};
    bson_set_error(&error, MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_NAME_RESOLUTION, "Failed to resolve %s", host);
    watch.heartbeat_failed({host, 27017}, error, Millis(1));
  }
};

Watch::Server server(const char* host, const char* type, int wire_version = 21) {
  return {{host, 27017}, type, wire_version};
}

TEST_CASE("a primary that comes, goes and comes again is told once each") {
  Told told;
  told.watch.topology_changed("ReplicaSetNoPrimary", {});
  told.watch.topology_changed("ReplicaSetNoPrimary", {server("a", "RSSecondary")});
  told.watch.topology_changed("ReplicaSetWithPrimary", {server("a", "RSSecondary"), server("b", "RSPrimary")});
  told.watch.topology_changed("ReplicaSetWithPrimary", {server("a", "RSSecondary"), server("b", "RSPrimary")});
  CHECK(told.watch.losses() == 0);
  told.watch.topology_changed("ReplicaSetNoPrimary", {server("a", "RSSecondary")});
  CHECK(told.watch.losses() == 1);
  REQUIRE(told.changes.size() == 4);
  CHECK_FALSE(told.changes[0].primary);
  CHECK(told.changes[0].topology == "unknown");
  CHECK(told.changes[1].topology == "replicaset");
  CHECK(told.changes[2].primary);
  CHECK_FALSE(told.changes[3].primary);
}

TEST_CASE("topologies have names for people") {
  const auto topology = [](const char* type, const char* server_type) {
    Told told;
    told.watch.topology_changed(type, {server("a", server_type)});
    CHECK(told.changes.back().primary);
    return told.changes.back().topology;
  };
  CHECK(topology("Single", "Standalone") == "standalone");
  CHECK(topology("ReplicaSetWithPrimary", "RSPrimary") == "replicaset");
  CHECK(topology("Sharded", "Mongos") == "sharded");
  CHECK(topology("LoadBalanced", "LoadBalancer") == "sharded");
}

TEST_CASE("a trouble is told when it is new, and forgotten when it is over") {
  Told told;
  told.watch.topology_changed("Unknown", {});
  told.unresolved("a");
  told.unresolved("a");
  // The same words so soon after are not looked into again, and a check that the driver itself called off is no
  // trouble.
  bson_error_t same{};
  bson_set_error(&same, MONGOC_ERROR_PROTOCOL, MONGOC_ERROR_PROTOCOL_BAD_WIRE_VERSION, "Failed to resolve a");
  told.watch.heartbeat_failed({"a", 27017}, same, Millis(1));
  told.watch.heartbeat_failed({"a", 27017}, bson_error_t{}, Millis(1));
  REQUIRE(told.changes.size() == 2);
  CHECK(told.changes.back().last_error.domain == Domain::kResolution);
  CHECK(told.watch.explain_selection({Domain::kSelection, 0, core::Doing::kPing, "no suitable servers", {}}).domain ==
        Domain::kResolution);
  told.watch.heartbeat_succeeded({"a", 27017}, nullptr);
  told.watch.topology_changed("Single", {server("a", "Standalone")});
  CHECK(told.changes.back().primary);
  CHECK(told.changes.back().last_error.message.empty());
  CHECK(told.changes.size() == 3);
}

TEST_CASE("without a primary, each member is named") {
  Told told;
  told.watch.topology_changed("ReplicaSetNoPrimary", {server("a", "RSSecondary"), server("b", "RSArbiter")});
  told.unresolved("c");
  const core::Failure failure =
      told.watch.explain_selection({Domain::kSelection, 0, core::Doing::kConnect, "no suitable servers", {}});
  CHECK(failure.domain == Domain::kSelection);
  CHECK(failure.message ==
        "no writable primary: a:27017 is a secondary, b:27017 is an arbiter, c:27017 is not reachable (Failed to "
        "resolve c)");
  told.watch.server_closed({"c", 27017});
  CHECK(told.watch.explain_selection(failure).message ==
        "no writable primary: a:27017 is a secondary, b:27017 is an arbiter");
}

TEST_CASE("a server that answers may still be unusable") {
  Told told;
  CHECK_FALSE(told.watch.unusable());
  told.watch.topology_changed("Single", {server("a", "Standalone", 8)});
  CHECK_FALSE(told.watch.unusable());
  told.watch.topology_changed("Single", {server("a", "Standalone", 7)});
  REQUIRE(told.watch.unusable());
  CHECK(told.watch.unusable()->domain == Domain::kProtocol);
  CHECK(told.watch.unusable()->message.find("wire version 7") != std::string::npos);
  told.watch.topology_changed("Single", {server("a", "RSSecondary")});
  REQUIRE(told.watch.unusable());
  CHECK(told.watch.unusable()->domain == Domain::kSelection);
  CHECK(told.watch.unusable()->message.find("a:27017 is a secondary") != std::string::npos);
  told.watch.topology_changed("ReplicaSetNoPrimary", {server("a", "RSSecondary")});
  CHECK_FALSE(told.watch.unusable());
}

TEST_CASE("a secondary that the URI insists on is told with its primary") {
  Told told;
  const auto hello = schema::Document::from_json(R"({"setName": "rs0", "secondary": true, "primary": "b:27017"})");
  told.watch.heartbeat_succeeded({"a", 27017}, hello->get());
  told.watch.topology_changed("Single", {server("a", "RSSecondary")});
  REQUIRE(told.watch.unusable());
  CHECK(told.watch.unusable()->message ==
        "directConnection=true in the URI, and a:27017 is a secondary; its primary is b:27017");
  CHECK(told.watch.unusable()->advice.find("Take directConnection=true out") != std::string::npos);
}

TEST_CASE("a host that was dropped for the names that it advertised is still told of") {
  Told told;
  const auto hello = schema::Document::from_json(
      R"({"setName": "rs0", "isWritablePrimary": true, "hosts": ["b:27017"], "primary": "b:27017"})");
  CHECK_FALSE(told.watch.deserted());
  told.watch.server_opened({"a", 27017});
  told.watch.heartbeat_succeeded({"a", 27017}, hello->get());
  told.watch.server_opened({"b", 27017});
  told.watch.server_closed({"a", 27017});
  told.watch.topology_changed("ReplicaSetNoPrimary", {});
  told.unresolved("b");
  CHECK_FALSE(told.watch.deserted());
  REQUIRE_FALSE(told.changes.empty());
  CHECK(told.changes.back().last_error.message.starts_with("a:27017 of the URI answers, but its replica set"));
  const core::Failure failure =
      told.watch.explain_selection({Domain::kSelection, 0, core::Doing::kPing, "no suitable servers", {}});
  CHECK(failure.message.find("b:27017 (Failed to resolve b)") != std::string::npos);
  CHECK(failure.advice.find("directConnection=true") != std::string::npos);
  // Its names answer after all: what was dropped on the way does not matter any more.
  told.watch.heartbeat_succeeded({"b", 27017}, hello->get());
  told.watch.topology_changed("ReplicaSetWithPrimary", {server("b", "RSPrimary")});
  told.watch.topology_changed("ReplicaSetNoPrimary", {});
  told.unresolved("b");
  CHECK(told.changes.back().last_error.message == "Failed to resolve b");
}

TEST_CASE("a watch without a server left says so, and one that is silenced says nothing") {
  Told told;
  told.watch.server_opened({"a", 27017});
  told.watch.server_closed({"a", 27017});
  CHECK(told.watch.deserted());
  told.watch.silence();
  told.watch.topology_changed("Unknown", {});
  CHECK(told.changes.empty());
}

TEST_CASE("an advertised member that is not reached is told as such") {
  Told told;
  const auto hello =
      schema::Document::from_json(R"({"setName": "rs0", "secondary": true, "hosts": ["a:27017", "c:27017"]})");
  told.watch.heartbeat_succeeded({"a", 27017}, hello->get());
  told.watch.topology_changed("ReplicaSetNoPrimary", {server("a", "RSSecondary")});
  told.unresolved("c");
  const core::Failure failure =
      told.watch.explain_selection({Domain::kSelection, 0, core::Doing::kConnect, "no suitable servers", {}});
  CHECK(failure.message ==
        "no writable primary: a:27017 is a secondary, c:27017, which the replica set advertises, is not reachable "
        "(Failed to resolve c)");
  CHECK(failure.advice.find("rs.conf()") != std::string::npos);
}

TEST_CASE("addresses are shown so that they can be copied") {
  CHECK(Address{"host", 27017}.shown() == "host:27017");
  CHECK(Address{"::1", 1}.shown() == "[::1]:1");
  CHECK(Address{"/run/mongo.sock", 27017}.shown() == "/run/mongo.sock");
}

TEST_CASE("products are told apart") {
  const auto info = [](const char* json, const char* hosts) {
    return server_from(*schema::Document::from_json(json)->get(), hosts, "standalone");
  };
  CHECK(info(R"({"version": "8.0.4"})", "a:27017").product == "mongodb");
  CHECK(info(R"({"version": "8.0.4"})", "a:27017").version == "8.0.4");
  const auto ferretdb = info(R"({"version": "7.0.77", "ferretdb": {"version": "v2.7.0"}})", "a:27017");
  CHECK(ferretdb.product == "ferretdb");
  CHECK(ferretdb.version == "2.7.0");
  CHECK(info(R"({"version": "5.0.0"})", "x.cluster-y.eu-west-1.docdb.amazonaws.com:27017").product == "documentdb");
  CHECK(info(R"({"version": "7.0.0"})", "x.mongo.cosmos.azure.com:10255").product == "cosmosdb");
}

TEST_CASE("a product that is not known is called what it calls itself, and treated as the MongoDB that it says it is") {
  const auto info = [](const std::string& more) {
    const std::string json = R"({"version": "8.2.11", "gitVersion": "0", "openssl": {"running": "x"}, )" + more + "}";
    return server_from(*schema::Document::from_json(json)->get(), "a:27017", "replicaset");
  };
  CHECK(shown(info(R"("secantusVersion": "0.7.0b3")")) == "secantus 0.7.0b3 (as MongoDB 8.2.11)");
  CHECK(shown(info(R"("psmdbVersion": "8.2.11-6")")) == "psmdb 8.2.11-6 (as MongoDB 8.2.11)");
  CHECK(shown(info(R"("dataLake": {"version": "v2", "x": 1})")) == "dataLake v2 (as MongoDB 8.2.11)");
  CHECK(shown(info(R"("ferretdb": {"version": "v2.7.0"}, "otherVersion": "1")")) == "ferretdb 2.7.0");
  // Nothing of its own.
  for (const char* more : {R"("javascriptEngine": "mozjs")", R"("xVersion": 1)", R"("Version": "1")",
                           R"("xVersion": "")", R"("x": {"version": 1})", R"("x": ["version"])"}) {
    CAPTURE(more);
    CHECK(shown(info(more)) == "mongodb 8.2.11");
  }
  // Words of a stranger: safe to print, and not endless.
  CHECK(info(R"("a\u001bbVersion": "1\n2")").product.find('\x1b') == std::string::npos);
  CHECK(info(R"("a\u001bbVersion": "1\n2")").version.find('\n') == std::string::npos);
  const auto large = info("\"" + std::string(5000, 'x') + "Version\": \"" + std::string(5000, '1') + "\"");
  CHECK(large.product.size() <= 64 + std::string_view("…").size());
  CHECK(large.version.size() <= 64 + std::string_view("…").size());
}

}  // namespace
}  // namespace readygate::mongo
