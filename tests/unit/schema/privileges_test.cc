// What the user of the URI may not do, from what the server says that it may.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "schema/privileges.h"

using namespace readygate;
using namespace readygate::schema;

namespace {

constexpr const char* kSchema = R"(
schema = "shop"
database = "shop"
version = 1
[[collection]]
name = "orders"
[[collection]]
name = "customers"
[[view]]
name = "recent"
on = "orders"
pipeline = '[]'
[[seed]]
collection = "orders"
docs = '[{ "_id": 1 }]'
)";

Schema shop(const std::string& policy = "") {
  auto schema = parse(std::string(kSchema) + policy, "shop.toml", "/nonexistent");
  REQUIRE(schema);
  return *schema;
}

Document status(const std::string& privileges, const char* users = R"([{"user": "u", "db": "admin"}])") {
  auto document = Document::from_json(
      fmt::format(R"({{"authInfo": {{"authenticatedUsers": {}, "authenticatedUserPrivileges": {}}}, "ok": 1}})", users,
                  privileges));
  REQUIRE(document);
  return *document;
}

std::string missing(const std::string& privileges, const Schema& schema = shop(), const char* topology = "replicaset",
                    Probing probing = Probing::kNo) {
  const auto granted = privileges_from(status(privileges));
  REQUIRE(granted);
  return render_text(missing_privileges(*granted, schema, Server{"mongodb", "8.0.4", topology}, probing));
}

constexpr const char* kAll = R"("find", "insert", "update", "remove", "listCollections", "listIndexes",
                                "createCollection", "createIndex", "collMod", "dropIndex", "dropCollection")";

std::string on(const char* resource, const std::string& actions = kAll) {
  return fmt::format(R"({{"resource": {}, "actions": [{}]}})", resource, actions);
}

}  // namespace

TEST_CASE("what no user or no privilege is said of is not claimed to be missing") {
  CHECK_FALSE(privileges_from(status("[]", "[]")));
  CHECK_FALSE(privileges_from(status("[]")));
  CHECK_FALSE(privileges_from(Document()));
  CHECK_FALSE(privileges_from(*Document::from_json(R"({"authInfo": 1})")));
}

TEST_CASE("a role of the database, of every database, or of any resource is enough") {
  const std::string inprog = "," + on(R"({"cluster": true})", R"("inprog")");
  CHECK(missing("[" + on(R"({"db": "shop", "collection": ""})") + inprog + "]") == "");
  CHECK(missing("[" + on(R"({"db": "", "collection": ""})") + inprog + "]") == "");
  CHECK(missing("[" + on(R"({"anyResource": true})", R"("anyAction")") + "]") == "");
}

TEST_CASE("what is missing is named by purpose, action and place") {
  const std::string role =
      "[" + on(R"({"db": "shop", "collection": ""})", R"("find", "listCollections", "listIndexes")") + "," +
      on(R"({"db": "shop", "collection": "orders"})") + "," + on(R"({"db": "other", "collection": ""})") + "]";
  CHECK(missing(role) ==
        "! not allowed to apply: insert, update on shop._readygate\n"
        "! not allowed to apply: createCollection, collMod on shop.customers, shop.recent\n"
        "! not allowed to apply: createIndex on shop.customers\n"
        "! not allowed to documents: insert, update on shop._readygate\n"
        "? not allowed to progress: inprog on the cluster; without it the progress of a build is not known, and "
        "operations of another user are not awaited after a takeover\n");
}

TEST_CASE("a privilege on one collection is none on the database, and a cluster's is none on a collection") {
  const std::string text = missing("[" + on(R"({"db": "shop", "collection": "_readygate"})") + "," +
                                   on(R"({"cluster": true})", std::string(kAll) + R"(, "inprog")") + "]");
  CHECK(text.find("verify: listCollections on the database shop\n") != std::string::npos);
  CHECK(text.find("verify: listIndexes on shop.orders, shop.customers\n") != std::string::npos);
  CHECK(text.find("inprog") == std::string::npos);
  CHECK(text.find("_readygate") == std::string::npos);
}

TEST_CASE("what only some need is asked of those: policies, clusters, probes; insert makes collections") {
  const std::string few =
      "[" +
      on(R"({"db": "shop", "collection": ""})",
         R"("find", "insert", "update", "listCollections", "listIndexes", "createIndex", "collMod")") +
      "," + on(R"({"cluster": true})", R"("inprog")") + "]";
  CHECK(missing(few) == "");
  CHECK(missing(few, shop("[policy]\nconflict = \"replace\"\n"))
            .starts_with("? not allowed to apply: dropIndex on shop.orders"));
  CHECK(missing(few, shop(), "sharded").starts_with("? not allowed to sharded: find on config.collections"));
  CHECK(missing(few, shop(), "replicaset", Probing::kYes) ==
        "! not allowed to probe: dropCollection on the database shop\n");
}

TEST_CASE("for programs: a resource in the form of a role") {
  CHECK(render_json({}) == "[]");
  CHECK(render_json({{Purpose::kApply, {"insert", "update"}, {"shop", "_readygate"}, ""},
                     {Purpose::kProgress, {"inprog"}, {"", "", true, false}, "less"}}) ==
        R"([{"for":"apply","actions":["insert","update"],"resource":{"db":"shop","collection":"_readygate"},)"
        R"("needed":true},{"for":"progress","actions":["inprog"],"resource":{"cluster":true},"needed":false}])");
}

TEST_CASE("the state collections of encrypted fields are listed and created like declared ones") {
  const Schema schema = shop(R"(
[[collection]]
name = "patients"
encrypted_fields = '{ "fields": [ { "path": "a", "keyId": { "$uuid": "7a4d1c9e-3b52-4f0e-9c1d-5e8b6f2a0d13" } } ] }'
)");
  const std::string whole =
      "[" + on(R"({"db": "shop", "collection": ""})") + "," + on(R"({"cluster": true})", "\"inprog\"");
  CHECK(missing(whole + "]", schema) == "");
  std::string each = "[" + on(R"({"cluster": true})", "\"inprog\"") + "," +
                     on(R"({"db": "shop", "collection": ""})", "\"listCollections\"");
  for (const char* name : {"_readygate", "orders", "customers", "recent", "patients"}) {
    each += "," + on(fmt::format(R"({{"db": "shop", "collection": "{}"}})", name).c_str());
  }
  CHECK(missing(each + "]", schema) ==
        "! not allowed to verify: listIndexes on shop.enxcol_.patients.esc, shop.enxcol_.patients.ecoc\n"
        "! not allowed to apply: createCollection, collMod on shop.enxcol_.patients.esc, shop.enxcol_.patients.ecoc\n");
}
