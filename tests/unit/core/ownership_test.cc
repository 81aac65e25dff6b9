// Whose a collection is, where several schemas share a database.
#include <algorithm>

#include <doctest/doctest.h>

#include "unit/core/harness.h"

using namespace readygate;
using namespace readygate::core;
using namespace readygate::test;

TEST_CASE("a collection that another schema made is a failure that names it, and nothing is changed") {
  Harness h;
  h.database.catalog.owned_elsewhere = {{"orders", "billing"}};
  h.open();
  CHECK(h.state() == State::kFailed);
  CHECK(h.code() == Reason::kOwnedElsewhere);
  CHECK(h.gate.snapshot().reason.find("\"orders\" was made by the schema \"billing\"") != std::string::npos);
  CHECK(h.gate.snapshot().reason.find("remove {_id: \"billing\"} from _readygate") != std::string::npos);
  CHECK(h.database.count["step"] == 0);
}

TEST_CASE("what is not declared any more is given up") {
  Harness h;
  h.open();
  const auto owned = [&](const char* name) {
    const Owns* found = schema::find_owned(h.database.ledger->owns, name);
    return found != nullptr && found->created;
  };
  CHECK(owned("orders"));
  CHECK(owned("customers"));
  schema::Schema next = example_schema(2);
  std::erase_if(next.collections, [](const schema::Collection& each) { return each.name == "customers"; });
  next.hash = "1:other";
  Harness later(next, {}, 2);
  later.database = h.database;
  later.open();
  CHECK(later.facts().open);
  CHECK(schema::find_owned(later.database.ledger->owns, "orders") != nullptr);
  CHECK(schema::find_owned(later.database.ledger->owns, "customers") == nullptr);
}

TEST_CASE("a view that the server turns into a collection is not honoured, and no conflict") {
  const char* view = "[[view]]\nname = \"recent\"\non = \"orders\"\npipeline = '[{ \"$match\": { \"a\": 1 } }]'\n";
  for (const bool report : {false, true}) {
    Harness h(example_schema(1, report ? "not_honoured = \"report\"" : "", view));
    h.open();  // the model database makes a plain collection of it
    CHECK(h.facts().open == report);
    if (!report) CHECK(h.code() == Reason::kNotHonoured);
    CHECK(h.said("The server acknowledged it and shows it otherwise") == 1);
  }
}
