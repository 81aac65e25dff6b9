// The parts of the scripted server that are pure: frames, documents, rules. What a driver sees is tested through
// drivers.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "scripted_server/catalog_model.h"
#include "scripted_server/index_spec.h"
#include "scripted_server/query.h"
#include "scripted_server/script.h"
#include "scripted_server/wire.h"

namespace readygate::scripted {
namespace {

Doc doc(std::string json) {
  for (char& c : json) c = c == '\'' ? '"' : c;  // readable in a C++ string
  const auto parsed = Doc::from_json(json);
  REQUIRE_MESSAGE(parsed, json);
  return *parsed;
}

Bytes frame(std::int32_t operation, const Bytes& body) {
  Bytes out(16 + body.size());  // not grown: GCC 14 takes that for an overflow
  auto place = out.begin();
  for (const auto value : {static_cast<std::int32_t>(out.size()), 7, 0, operation}) {
    for (int shift = 0; shift < 32; shift += 8) *place++ = static_cast<std::uint8_t>(value >> shift);
  }
  std::copy(body.begin(), body.end(), place);
  return out;
}

void append(Bytes& out, const Doc& document) {
  const auto bytes = document.bytes();
  out.insert(out.end(), bytes.begin(), bytes.end());
}

/// An OP_MSG with these flags, one command and one sequence of documents.
Bytes message(std::uint8_t low_flags, std::uint8_t high_flags, const Doc& command, const std::vector<Doc>& sequence) {
  Bytes body = {low_flags, 0, high_flags, 0, 0};
  append(body, command);
  if (!sequence.empty()) {
    Bytes section = {'d', 'o', 'c', 's', 0};
    for (const Doc& item : sequence) append(section, item);
    body.push_back(1);
    body.push_back(static_cast<std::uint8_t>(section.size() + 4));
    body.insert(body.end(), {0, 0, 0});
    body.insert(body.end(), section.begin(), section.end());
  }
  if ((low_flags & 1) != 0) body.insert(body.end(), {1, 2, 3, 4});  // a checksum
  return frame(2013, body);
}

using State = RequestReader::State;

TEST_CASE("a message arrives whole, however its bytes come") {
  const Bytes whole = message(1, 1, doc("{'insert': 'c', '$db': 'd'}"), {doc("{'a': 1}"), doc("{'a': 2}")});
  RequestReader reader;
  Request request;
  for (std::size_t i = 0; i + 1 < whole.size(); ++i) {
    reader.feed(std::span(whole).subspan(i, 1));
    REQUIRE(reader.next(request) == State::kIncomplete);
  }
  reader.feed(std::span(whole).last(1));
  reader.feed(whole);  // and a second one right behind it
  for (int i = 0; i < 2; ++i) {
    REQUIRE(reader.next(request) == State::kRequest);
    CHECK(request.id == 7);
    CHECK(request.database == "d");
    CHECK(request.wants_reply);
    CHECK(request.exhaust_allowed);
    CHECK(request.command.documents("docs").size() == 2);
  }
  CHECK(reader.next(request) == State::kIncomplete);
}

TEST_CASE("a legacy query is a command too, wrapped or not") {
  for (const char* command : {"{'isMaster': 1}", "{'$query': {'isMaster': 1}, '$readPreference': {}}"}) {
    Bytes body = {0, 0, 0, 0};
    for (const char c : std::string("admin.$cmd")) body.push_back(static_cast<std::uint8_t>(c));
    body.insert(body.end(), {0, 0, 0, 0, 0, 1, 0, 0, 0});
    append(body, doc(command));
    RequestReader reader;
    Request request;
    reader.feed(frame(2004, body));
    REQUIRE(reader.next(request) == State::kRequest);
    CHECK(request.database == "admin");
    CHECK(request.command.has("isMaster"));
    const Bytes reply = encode_reply(request, doc("{'ok': 1}"), 9);
    CHECK(reply[12] == 1);  // OP_REPLY
    CHECK(reply[8] == 7);   // responseTo
    CHECK(reply[32] == 1);  // one document
  }
}

TEST_CASE("moreToCome on a request wants no reply") {
  RequestReader reader;
  Request request;
  reader.feed(message(2, 0, doc("{'insert': 'c', '$db': 'd'}"), {}));
  REQUIRE(reader.next(request) == State::kRequest);
  CHECK_FALSE(request.wants_reply);
  CHECK_FALSE(request.exhaust_allowed);
}

TEST_CASE("what is no message breaks the connection") {
  const Doc command = doc("{'ping': 1, '$db': 'd'}");
  Bytes bad_section = message(0, 0, command, {doc("{'a': 1}")});
  bad_section[16 + 4 + 1 + command.bytes().size()] = 2;  // the kind of the second section
  Bytes bad_document = message(0, 0, command, {});
  bad_document[16 + 5] = 200;  // the document's length, beyond the message
  Bytes bad_flag = message(4, 0, command, {});
  Bytes too_short = message(0, 0, command, {});
  too_short[0] = 12;
  Bytes too_long = message(0, 0, command, {});
  too_long[3] = 0x7F;
  const Bytes tls_hello = {0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3, 9, 9, 9, 9, 9};
  for (const Bytes& bytes : {bad_section, bad_document, bad_flag, too_short, too_long, tls_hello}) {
    RequestReader reader;
    Request request;
    reader.feed(bytes);
    CHECK(reader.next(request) == State::kBroken);
  }
}

TEST_CASE("values are compared as the server does") {
  const auto same = [](const char* left, const char* right) { return doc(left).same(doc(right)); };
  CHECK(same("{'a': 1}", "{'a': 1.0}"));
  CHECK(same("{'a': {'$numberLong': '5'}}", "{'a': 5}"));
  CHECK(same("{'a': [1, {'b': 2}]}", "{'a': [1.0, {'b': {'$numberLong': '2'}}]}"));
  CHECK_FALSE(same("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}"));
  CHECK(doc("{'a': 1, 'b': 2}").same_fields(doc("{'b': 2, 'a': 1}")));
  CHECK_FALSE(same("{'a': true}", "{'a': 1}"));
  CHECK_FALSE(same("{'a': 'x'}", "{'a': 'y'}"));
  CHECK_FALSE(same("{'a': null}", "{'b': null}"));
}

TEST_CASE("paths are followed and written through documents") {
  const Doc start = doc("{'a': {'b': 1}, 'c': 2}");
  const Doc value = doc("{'v': 9}");
  CHECK(start.with_path("a.x.y", *value.find("v")).same(doc("{'a': {'b': 1, 'x': {'y': 9}}, 'c': 2}")));
  CHECK(start.with_path("d", *value.find("v")).same(doc("{'a': {'b': 1}, 'c': 2, 'd': 9}")));
  CHECK(start.without_path("a.b").same(doc("{'a': {}, 'c': 2}")));
  CHECK(start.without_path("c.d").same(start));
}

TEST_CASE("filters") {
  const Doc document = doc("{'a': 1, 'n': {'m': 'x'}, 'tags': ['p', 'q']}");
  const auto chosen = [&](const char* filter) { return *matches(doc(filter), document); };
  CHECK(chosen("{}"));
  CHECK(chosen("{'a': 1, 'n.m': 'x'}"));
  CHECK(chosen("{'tags': 'q'}"));
  CHECK(chosen("{'gone': null}"));
  CHECK(chosen("{'a': {'$gt': 0, '$lte': 1}, 'n.m': {'$in': ['w', 'x']}}"));
  CHECK(chosen("{'$or': [{'a': 2}, {'a': {'$ne': 2}}]}"));
  CHECK_FALSE(chosen("{'$and': [{'a': 1}, {'a': 2}]}"));
  CHECK_FALSE(chosen("{'a': {'$exists': false}}"));
  CHECK_FALSE(chosen("{'a': {'$gt': 0, '$lt': 1}}"));
  CHECK_FALSE(matches(doc("{'a': {'$near': 1}}"), document));
  CHECK_FALSE(matches(doc("{'$where': 'x'}"), document));
}

TEST_CASE("two definitions are one index, or one with other options, or two") {
  const auto compare = [](const char* left, const char* right) {
    const auto a = normalise_index(doc(left), "d.c", {});
    const auto b = normalise_index(doc(right), "d.c", {});
    REQUIRE(a);
    REQUIRE(b);
    return compare_indexes(*a, *b);
  };
  const char* plain = "{'key': {'a': 1}, 'name': 'x'}";
  CHECK(compare(plain, "{'key': {'a': 1.0}, 'name': 'y', 'unique': false, 'hidden': true}") ==
        IndexComparison::kIdentical);
  CHECK(compare(plain, "{'key': {'a': 1}, 'name': 'x', 'collation': {'locale': 'simple'}}") ==
        IndexComparison::kIdentical);
  CHECK(compare(plain, "{'key': {'a': 1}, 'name': 'x', 'expireAfterSeconds': 1}") == IndexComparison::kEquivalent);
  CHECK(compare(plain, "{'key': {'a': 1}, 'name': 'x', 'sparse': true}") == IndexComparison::kDifferent);
  CHECK(compare(plain, "{'key': {'a': 1}, 'name': 'x', 'collation': {'locale': 'de'}}") == IndexComparison::kDifferent);
  CHECK(compare("{'key': {'s': 'text'}, 'name': 't'}", "{'key': {'s': 'text'}, 'name': 't', 'weights': {'s': 1}}") ==
        IndexComparison::kIdentical);
  CHECK(compare("{'key': {'s': 'text'}, 'name': 't'}", "{'key': {'s': 'text'}, 'name': 't', 'weights': {'s': 2}}") ==
        IndexComparison::kEquivalent);
}

TEST_CASE("an index takes its collection's collation, which text and 2d indexes cannot") {
  const Doc german = full_collation(doc("{'locale': 'de'}"));
  const auto plain = normalise_index(doc("{'key': {'a': 1}, 'name': 'x'}"), "d.c", german);
  CHECK(plain->document("collation").same(german));
  CHECK_FALSE(normalise_index(doc("{'key': {'a': 'text'}, 'name': 'x'}"), "d.c", german));
  CHECK(normalise_index(doc("{'key': {'a': 'text'}, 'name': 'x', 'collation': {'locale': 'simple'}}"), "d.c", german));
}

TEST_CASE("a capped collection's limit of documents: none is the largest number") {
  CatalogModel model(CatalogModel::Deployment::kReplicaSet);
  const auto listed = [&](const std::string& name) {
    const auto reply = model.run("d", doc("{'listCollections': 1, 'filter': {'name': '" + name + "'}}"));
    return reply->document("cursor").documents("firstBatch").front().document("options").integer("max");
  };
  const auto code = [&](const std::string& command) {
    const auto reply = model.run("d", doc(command));
    return reply ? 0 : static_cast<int>(reply.error().code);
  };
  CHECK(code("{'create': 'a', 'capped': true, 'size': 4096, 'max': 5}") == 0);
  CHECK(listed("a") == 5);
  CHECK(code("{'collMod': 'a', 'cappedMax': 0}") == 0);
  CHECK(listed("a") == 2147483647);
  CHECK(code("{'create': 'b', 'capped': true, 'size': 4096, 'max': -1}") == 0);
  CHECK(listed("b") == 2147483647);
  CHECK(code("{'create': 'c', 'capped': true, 'size': 4096}") == 0);
  CHECK(listed("c") == 0);
  CHECK(code("{'create': 'e', 'capped': true, 'size': 4096, 'max': {'$numberLong': '2147483648'}}") == 2);
  CHECK(code("{'collMod': 'a', 'cappedMax': {'$numberLong': '2147483648'}}") == 2);
}

TEST_CASE("encrypted fields: what create takes and gives back, and what may not stand beside them") {
  const std::string key = "{'$uuid': '7a4d1c9e-3b52-4f0e-9c1d-5e8b6f2a0d13'}";
  const std::string other = "{'$uuid': '0f3b8a52-6d1e-4c7a-8b90-2e4d6f8a1c35'}";
  const auto field = [](const std::string& path, const std::string& id, const std::string& more = "") {
    return "{'path': '" + path + "', 'keyId': " + id + more + "}";
  };
  const auto create = [](const std::string& fields, const std::string& more = "") {
    return doc("{'create': 'c', 'encryptedFields': {'fields': [" + fields + "]}" + more + "}");
  };
  const auto refused = [](const Doc& command, CatalogModel::Deployment where = CatalogModel::Deployment::kReplicaSet) {
    const auto reply = CatalogModel(where).run("d", command);
    return reply ? 0 : static_cast<int>(reply.error().code);
  };
  const std::string equality = ", 'bsonType': 'string', 'queries': {'queryType': 'equality'}";
  CHECK(refused(create(field("a", key, equality))) == 0);
  CHECK(refused(create(field("a", key)), CatalogModel::Deployment::kStandalone) == 6346402);
  CHECK(refused(create(field("a", key), ", 'capped': true, 'size': 4096")) == 6367301);
  CHECK(refused(create(field("a", key), ", 'viewOn': 'b'")) == 6346401);
  CHECK(refused(create(field("a", key), ", 'timeseries': {'timeField': 't'}")) == 6346401);
  CHECK(refused(create(field("a", key), ", 'validationLevel': 'moderate'")) == 2);
  CHECK(refused(create(field("a", key), ", 'validationAction': 'warn'")) == 2);
  CHECK(refused(create(field("", key))) == 6316402);
  CHECK(refused(create(field("_id.x", key))) == 6316403);
  CHECK(refused(create(field("a", key) + ", " + field("b", key))) == 6338401);
  CHECK(refused(create(field("a", key) + ", " + field("a", other))) == 6338402);
  CHECK(refused(create(field("a.b", key) + ", " + field("a", other))) == 6338403);
  CHECK(refused(create(field("a", "'x'"))) == 9);
  CHECK(refused(create(field("a", key, ", 'bsonType': 'null'"))) == 6338406);
  CHECK(refused(create(field("a", key, ", 'queries': {'queryType': 'equality'}"))) == 6412601);
  CHECK(refused(create(field("a", key, ", 'bsonType': 'double', 'queries': {'queryType': 'equality'}"))) == 6338405);
  const auto range = [&](const std::string& more) {
    return create(field("a", key, ", 'bsonType': 'int', 'queries': {'queryType': 'range'" + more + "}"));
  };
  CHECK(refused(range(", 'min': 1, 'max': 2, 'sparsity': 1")) == 0);
  CHECK(refused(range(", 'min': 1.5")) == 7018200);
  CHECK(refused(range(", 'max': 1.5")) == 7018201);
  CHECK(refused(range(", 'other': 1")) == 40415);
  CHECK(refused(doc("{'create': 'c', 'encryptedFields': {'fields': [], 'escCollection': 'x'}}")) == 7406900);

  CatalogModel model(CatalogModel::Deployment::kReplicaSet);
  REQUIRE(model.run("d", create(field("a.b", key, equality))));
  CHECK(model.run("d", create(field("a.b", key, equality))));  // the same again is no error
  const auto listed = model.run("d", doc("{'listCollections': 1}"));
  REQUIRE(listed);
  const Doc shown = listed->document("cursor").documents("firstBatch").front().document("options");
  const auto at = [&](const char* path) {
    const auto found = shown.find_path(std::string("encryptedFields.") + path);
    return found ? found->is_text() ? std::string(found->text()) : std::to_string(found->integer()) : "absent";
  };
  CHECK(at("escCollection") == "enxcol_.c.esc");
  CHECK(at("ecocCollection") == "enxcol_.c.ecoc");
  CHECK(at("fields.0.path") == "a.b");
  CHECK(at("fields.0.queries.contention") == "8");
  const auto index = [&](const std::string& spec) {
    const auto reply = model.run("d", doc("{'createIndexes': 'c', 'indexes': [{'name': 'i', " + spec + "}]}"));
    return reply ? 0 : static_cast<int>(reply.error().code);
  };
  CHECK(index("'key': {'a.b': 1}") == 6346502);
  CHECK(index("'key': {'n': 1, 'a': 1}") == 6346502);
  CHECK(index("'key': {'a.$**': 1}") == 6346502);
  CHECK(index("'key': {'a.b.c': 1}") == 6346502);
  CHECK(index("'key': {'a.b': 'text'}") == 6346502);
  CHECK(index("'key': {'n': 1}, 'expireAfterSeconds': 1") == 6346501);
  CHECK(index("'key': {'a.c': 1}, 'unique': true") == 0);
  const auto modified = model.run("d", doc("{'collMod': 'c', 'validator': {'n': 1}, 'validationLevel': 'off'}"));
  REQUIRE(!modified);
  CHECK(static_cast<int>(modified.error().code) == 2);
  CHECK_FALSE(model.run("d", doc("{'collMod': 'c', 'encryptedFields': {'fields': []}}")));
}

TEST_CASE("a constraint is reached from strict alone, prepared and without a validator beside it") {
  CatalogModel model(CatalogModel::Deployment::kReplicaSet);
  const auto code = [&](const std::string& command) {
    const auto reply = model.run("d", doc(command));
    return reply ? 0 : static_cast<int>(reply.error().code);
  };
  const auto modify = [&](const std::string& what) { return code("{'collMod': 'c', " + what + "}"); };
  const std::string bypass = "{'insert': 'c', 'bypassDocumentValidation': true, 'documents': [{'_id': 1, 'a': -1}]}";
  CHECK(code("{'create': 'w', 'validator': {'a': 1}, 'validationLevel': 'constraint', 'validationAction': 'warn'}") ==
        2);
  CHECK(code("{'create': 'c', 'validator': {'a': {'$gt': 0}}}") == 0);
  CHECK(code(bypass) == 0);
  CHECK(modify("'validationLevel': 'constraint'") == 2);  // from no level
  CHECK(modify("'validationLevel': 'strict'") == 0);
  CHECK(modify("'validationLevel': 'constraint'") == 2);  // not prepared
  CHECK(modify("'prepareConstraintValidationLevel': true") == 0);
  CHECK(code(bypass) == 2);
  CHECK(modify("'validator': {'a': 1}, 'validationLevel': 'strict'") == 2);
  CHECK(modify("'validationLevel': 'constraint', 'validationAction': 'warn'") == 2);
  CHECK(modify("'validationLevel': 'constraint', 'validationAction': 'error'") == 12370902);
  CHECK(modify("'prepareConstraintValidationLevel': true") == 0);  // it survived
  CHECK(code("{'delete': 'c', 'deletes': [{'q': {}, 'limit': 0}]}") == 0);
  CHECK(modify("'validationLevel': 'constraint', 'validationAction': 'error'") == 0);
  CHECK(code(bypass) == 2);
  CHECK(modify("'validator': {'a': 1}") == 2);
  CHECK(modify("'validationAction': 'warn'") == 2);
  CHECK(modify("'validationAction': 'errorAndLog'") == 0);
  CHECK(modify("'validationLevel': 'strict', 'validator': {'a': 1}") == 0);
  CHECK(code(bypass) == 0);
  model.feature_version = 8;
  CHECK(modify("'prepareConstraintValidationLevel': true") == 72);
  CHECK(code("{'create': 'n', 'validator': {'a': 1}, 'validationLevel': 'constraint'}") == 72);
}

TEST_CASE("an index that is being built is listed as such, or as any other, and who asks for it again waits") {
  CatalogModel model(CatalogModel::Deployment::kReplicaSet);
  const Doc create = doc("{'createIndexes': 'c', 'indexes': [{'name': 'i', 'key': {'a': 1}}]}");
  REQUIRE(model.run("d", create));
  CHECK_FALSE(model.waits("d", create));
  model.unfinished = {"d.c.i"};
  CHECK(model.waits("d", create));
  CHECK_FALSE(model.waits("other", create));
  CHECK_FALSE(model.waits("d", doc("{'createIndexes': 'c', 'indexes': [{'name': 'j', 'key': {'b': 1}}]}")));
  const auto last = [&](const char* command) {
    return model.run("d", doc(command))->document("cursor").documents("firstBatch").back();
  };
  CHECK(last("{'listIndexes': 'c'}").text("name") == "i");
  const Doc shown = last("{'listIndexes': 'c', 'includeBuildUUIDs': true}");
  CHECK(shown.has("buildUUID"));
  CHECK(shown.document("spec").text("name") == "i");
  model.hides_builds = true;
  CHECK(last("{'listIndexes': 'c'}").text("name") == "i");
  const auto refused = model.run("d", doc("{'listIndexes': 'c', 'includeBuildUUIDs': true}"));
  REQUIRE(!refused);
  CHECK(static_cast<int>(refused.error().code) == 40415);
}

TEST_CASE("rules apply in order, so often, and after so many") {
  Script script;
  REQUIRE(script.add(doc("{'on': 'find', 'skip': 1, 'times': 2, 'latency_ms': 5}")));
  REQUIRE(script.add(doc("{'on': '*', 'hang': true}")));
  const auto latency = [&](const char* command) { return script.command(1, "d", doc(command)).latency.count(); };
  const auto hangs = [&](const char* command) { return script.command(1, "d", doc(command)).hang; };
  CHECK(latency("{'find': 'c'}") == 0);
  CHECK(latency("{'find': 'c'}") == 5);
  CHECK(latency("{'find': 'c'}") == 5);
  CHECK(hangs("{'find': 'c'}"));
  CHECK(hangs("{'insert': 'c'}"));
  CHECK_FALSE(hangs("{'hello': 1}"));  // "*" leaves monitoring alone
  CHECK_FALSE(script.accept().hang);
  CHECK(script.counts().same(doc("{'accept': 1, 'find': 4, 'hello': 1, 'insert': 1}")));
}

TEST_CASE("a rule for hello means its old names too, and one that is removed is gone") {
  Script script;
  const auto number = script.add(doc("{'on': 'hello', 'match': {'client.name': 'x'}, 'error': {'code': 13}}"));
  REQUIRE(number);
  CHECK_FALSE(script.command(1, "admin", doc("{'ismaster': 1}")).reply);
  const auto fault = script.command(1, "admin", doc("{'ismaster': 1, 'client': {'name': 'x'}}"));
  REQUIRE(fault.reply);
  CHECK(fault.reply->integer("code") == 13);
  script.remove(*number);
  CHECK_FALSE(script.command(1, "admin", doc("{'hello': 1, 'client': {'name': 'x'}}")).reply);
}

}  // namespace
}  // namespace readygate::scripted
