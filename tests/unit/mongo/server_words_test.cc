// What of a server's message may be told: one line per message that carries a value.
#include <string>

#include <doctest/doctest.h>

#include "mongo/server_words.h"

namespace readygate::mongo {
namespace {

using core::Doing;
using core::Domain;
using core::Failure;
using schema::Document;

constexpr const char* kCommand = R"({"createIndexes":"places","indexes":[{"key":{"loc":"2dsphere"},"name":"l"}]})";

TEST_CASE("no message about documents keeps a value of one, and every one keeps its words") {
  const struct {
    const char* message;
    const char* command;
    const char* told;
  } rows[] = {
      // MongoDB 8.2: 16755, 171, 16766, 17262, 11000, 241, 14, 28, 121
      {"Index build failed: 5f0c9a0e-0000-4000-8000-000000000001: Collection shop.places :: caused by :: Can't extract "
       "geo "
       "keys: { _id: ObjectId('6570e3a1f0c2d4b5a6978812'), name: \"Ann's\", loc: { type: \"Pint\", coordinates: [ 1, 2 "
       "] } }"
       "  unknown GeoJSON type: { type: \"Pint\", coordinates: [ 1, 2 ] }",
       kCommand,
       "Index build failed: …: Collection shop.places :: caused by :: Can't extract geo keys: {…}  unknown GeoJSON "
       "type: "
       "{…}"},
      {"cannot index parallel arrays [b] [a]",
       R"({"createIndexes":"tags","indexes":[{"key":{"a":1,"b":1},"name":"a_1_b_1"}]})",
       "cannot index parallel arrays [b] [a]"},
      {"Error: hashed indexes do not currently support array values", "{}",
       "Error: hashed indexes do not currently support array values"},
      {"language override unsupported: en-US", "{}", "language override unsupported:"},
      {"E11000 duplicate key error collection: shop.users index: mail dup key: { mail: \"ann@example.com\" }",
       R"({"createIndexes":"users"})", "E11000 duplicate key error collection: shop.users index: mail dup key:"},
      {"Failed to parse number 'n/a' in $convert with no onError value: Did not consume whole string.", "{}",
       "Failed to parse number '…' in $convert with no onError value: Did not consume whole string."},
      {"Error parsing date string 'n/a'; 1: Unexpected character '/'; 2: Double timezone specification 'a'", "{}",
       "Error parsing date string '…'; …: Unexpected character '…'; …: Double timezone specification '…'"},
      {"Cannot apply $inc to a value of non-numeric type. {_id: \"ann\"} has the field 'age' of non-numeric type "
       "string",
       R"({"update":"users","updates":[{"q":{},"u":{"$inc":{"age":1}}}]})",
       "Cannot apply $inc to a value of non-numeric type. {…} has the field 'age' of non-numeric type string"},
      {"Cannot create field 'c' in element {b: \"secret\"}", "{}", "Cannot create field '…' in element {…}"},
      {"Document failed validation", "{}", "Document failed validation"},
      // SecantusDB 0.7
      {"Can't extract geo keys for index 'l' on field 'loc': value {'type': 'Pint', 'coordinates': [1, 2]} is not a "
       "recognised geometry",
       kCommand, "Can't extract geo keys for index 'l' on field 'loc': value {…} is not a recognised geometry"},
      // FerretDB 2.7
      {"Duplicate key violation on the requested collection: Index 'username_1'", R"({"insert":"users"})",
       "Duplicate key violation on the requested collection: Index 'username_1'"},
      // Cut off by whoever sent it
      {"Can't extract geo keys: { _id: 1, name: \"Ann", "{}", "Can't extract geo keys: {…}"},
      {"it's the shop's, isn't it", "{}", "it's the shop's, isn't it"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.message);
    CHECK(without_values(row.message, row.command) == row.told);
  }
}

TEST_CASE("the document that the server names is known by its _id and path") {
  const struct {
    const char* message;
    const char* info;
    const char* id;
    const char* path;
  } rows[] = {
      {"Can't extract geo keys: { _id: ObjectId('6570e3a1f0c2d4b5a6978812'), loc: \"here\" }  Point must be an array",
       "", "ObjectId('6570e3a1f0c2d4b5a6978812')", ""},
      {"Can't extract geo keys: { _id: { a: 1, b: \"x, }\" }, loc: 1 }", "", "{ a: 1, b: \"x, }\" }", ""},
      {"Can't extract geo keys: { _id: \"a, b\" }", "", "\"a, b\"", ""},
      {"Cannot apply $inc to a value of non-numeric type. {_id: 7} has the field 'age' of non-numeric type string", "",
       "7", "age"},
      {"value {'_id': 3} on field 'loc': no", "", "3", "loc"},
      {"failed", R"({"failingPath":"loc.x","underlyingCode":16755,"failingElement":"secret"})", "", "loc.x"},
      {"Document failed validation", R"({"failingDocumentId":{"$oid":"6570e3a1f0c2d4b5a6978812"},"details":{"a":1}})",
       R"({ "$oid" : "6570e3a1f0c2d4b5a6978812" })", ""},
      {"no document here", "", "", ""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.message);
    const std::string info = row.info;
    const core::NamedDocument named =
        named_document(row.message, info.empty() ? std::nullopt : std::optional<Document>(*Document::from_json(info)));
    CHECK(named.id == row.id);
    CHECK(named.path == row.path);
  }
}

TEST_CASE("what is about the declaration keeps the server's words") {
  const Document reply = *Document::from_json(R"({"ok":0,"code":67,"errmsg":"Unknown index plugin 'nonsense'"})");
  const Document command = *Document::from_json("{}");
  const Failure declared{Domain::kServer, 67, Doing::kCreateIndexes, "Unknown index plugin 'nonsense'", {}};
  CHECK(told(declared, reply, *command.get()).message == "Unknown index plugin 'nonsense'");
  const Failure unknown{Domain::kServer, 8, Doing::kCreateIndexes, "Unknown index plugin 'nonsense'", {}};
  CHECK(told(unknown, reply, *command.get()).message == "Unknown index plugin '…'");
  const Failure reading{Domain::kServer, 8, Doing::kReadCatalog, "Unknown index plugin 'nonsense'", {}};
  CHECK(told(reading, reply, *command.get()).message == "Unknown index plugin 'nonsense'");
}

TEST_CASE("a write error names its document, in the whole of the server's words") {
  const Document reply = *Document::from_json(
      R"({"ok":1,"writeErrors":[{"index":0,"code":121,"errmsg":"no","errInfo":{"failingDocumentId":5}}]})");
  const Document command = *Document::from_json("{}");
  const Failure failure = told({Domain::kServer, 121, Doing::kMigrate, "no", {}}, reply, *command.get());
  CHECK(failure.document.id == "5");
}

}  // namespace
}  // namespace readygate::mongo
