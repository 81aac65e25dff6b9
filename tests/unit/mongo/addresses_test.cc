// Servers that answer under other names than the URI's, and what is said of them.
#include <string>

#include <doctest/doctest.h>

#include "mongo/addresses.h"
#include "schema/document.h"

namespace readygate::mongo {
namespace {

Answer hello(const char* json) { return answer_of(*schema::Document::from_json(json)->get()); }

Answer member(const char* set, bool writable = true) {
  Answer answer;
  answer.set = set;
  answer.writable = writable;
  answer.members = {"mongo-0.internal:27017", "mongo-1.internal:27017"};
  return answer;
}

std::string sentence(const Target& target, const Answers& answers, const Unreachable& unreachable = {}) {
  const auto failure = misaddressed(target, answers, unreachable);
  if (!failure) return "";
  CHECK(failure->domain == core::Domain::kSelection);
  CHECK_FALSE(failure->advice.empty());
  return core::judge(*failure).sentence;
}

bool has(const std::string& text, const char* part) {
  CAPTURE(text);
  CAPTURE(part);
  const bool found = text.find(part) != std::string::npos;
  CHECK(found);
  return found;
}

TEST_CASE("an answer to hello says who the server is") {
  const Answer primary = hello(R"({"isWritablePrimary": true, "setName": "rs0", "hosts": ["a:1", "b:2"],
                                   "passives": ["c:3"], "primary": "a:1", "ok": 1})");
  CHECK(primary.set == "rs0");
  CHECK(primary.writable);
  CHECK(primary.primary == "a:1");
  CHECK(primary.members == std::vector<std::string>{"a:1", "b:2", "c:3"});
  CHECK(hello(R"({"ismaster": true, "msg": "isdbgrid"})").mongos);
  CHECK(hello(R"({"ismaster": false, "isreplicaset": true})").ghost);
  const Answer alone = hello(R"({"ismaster": true, "setName": 7, "hosts": "x"})");
  CHECK(alone.set.empty());
  CHECK(alone.members.empty());
}

TEST_CASE("the replica set that answers is named, and the one that the URI says") {
  Target target;
  target.replica_set = "rs1";
  const std::string other = sentence(target, {{"a:1", member("rs0")}});
  has(other, "a:1 answers as a member of the replica set \"rs0\", and the URI says replicaSet=rs1");
  has(other, "Write replicaSet=rs0 into the URI");
  const std::string alone = sentence(target, {{"a:1", Answer{}}});
  has(alone, "a:1 is a standalone server, and the URI says replicaSet=rs1");
  has(alone, "Take replicaSet out of the URI");
  Answer mongos;
  mongos.mongos = true;
  has(sentence(target, {{"a:1", mongos}}), "a:1 is a mongos");
  Answer ghost;
  ghost.ghost = true;
  CHECK(sentence(target, {{"a:1", ghost}}) == "");
  CHECK(sentence(target, {}) == "");
  CHECK(sentence(target, {{"a:1", member("rs0")}, {"b:1", member("rs1")}}) == "");
}

TEST_CASE("a host that answers and advertises others that do not is named with them") {
  Target target;
  target.hosts = {"localhost:37017"};
  const Unreachable unreachable{{"mongo-0.internal:27017", "the host name mongo-0.internal does not resolve: x"}};
  const std::string tunnel = sentence(target, {{"localhost:37017", member("rs0")}}, unreachable);
  has(tunnel, "localhost:37017 of the URI answers, but its replica set \"rs0\" advertises other addresses instead");
  has(tunnel, "mongo-0.internal:27017 (the host name mongo-0.internal does not resolve: x), mongo-1.internal:27017");
  has(tunnel, "set directConnection=true");
  has(sentence(target, {{"localhost:37017", member("rs0", false)}}, unreachable), "name its primary alone");
  // Not yet asked; or one of them answers; or the host of the URI is one of them.
  CHECK(sentence(target, {{"localhost:37017", member("rs0")}}) == "");
  CHECK(sentence(target, {{"localhost:37017", member("rs0")}, {"mongo-1.internal:27017", member("rs0", false)}},
                 unreachable) == "");
  CHECK(sentence(target, {{"mongo-1.internal:27017", member("rs0", false)}}, unreachable) == "");
  CHECK(advertised(target, {{"localhost:37017", member("rs0")}}, "mongo-0.internal:27017"));
  CHECK_FALSE(advertised(target, {{"localhost:37017", member("rs0")}}, "localhost:37017"));
  CHECK_FALSE(advertised(target, {}, "mongo-0.internal:27017"));
}

}  // namespace
}  // namespace readygate::mongo
