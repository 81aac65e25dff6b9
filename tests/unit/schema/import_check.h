// What must hold of the schema file that is written of a catalog.
#pragma once

#include <string>

#include "schema/declared_catalog.h"
#include "schema/plan.h"
#include "schema/writer.h"
#include "text.h"

namespace readygate::schema {

inline void check_no_change(const Schema& schema, const Catalog& catalog) {
  const Plan plan = diff(schema, catalog);
  CAPTURE(render_text(plan, Colour::kOff, Detail::kFull));
  CHECK(plan.empty());
  CHECK(plan.withheld.empty());
  CHECK(plan.first(FindingKind::kConflict) == nullptr);
  CHECK(plan.first(FindingKind::kExtraIndex) == nullptr);
  CHECK(plan.first(FindingKind::kOtherName) == nullptr);
}

// `catalog` is what was made of `declared`: all of it can be written, and says the same.
inline void check_import(const Schema& declared, const Catalog& catalog) {
  const Written written = write_schema(catalog, {"db"});
  CAPTURE(written.toml);
  for (const std::string& sentence : written.left_out) CHECK(sentence == "");
  const auto imported = parse(written.toml, "import", "");
  INFO((imported ? std::string() : toml::to_string(imported.error())));
  REQUIRE(imported);
  check_no_change(*imported, catalog);
  if (catalog.server.product != "mongodb")
    return;  // FerretDB's version of a text index says nothing about what was asked
  check_no_change(declared, catalog_of(*imported));
  // Of a collation a server shows what is the language's own, too, and of a query on encrypted fields its contention.
  for (const char* key : {"collation = ", "encrypted_fields = "}) {
    if (written.toml.find(key) != std::string::npos) return;
  }
  CHECK(imported->hash == declared.hash);
}

}  // namespace readygate::schema
