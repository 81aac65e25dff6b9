// The scripted server's catalog in this process: it reports as the manual of MongoDB 7 and 8 says, and refuses what the
// server would.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "schema/fields.h"
#include "schema/plan.h"
#include "scripted_server/catalog_model.h"
#include "text.h"

namespace readygate::schema {

inline constexpr const char* kDatabase = "db";

class ScriptedCatalog {
 public:
  explicit ScriptedCatalog(Server server) : server_(std::move(server)) {}

  // "" or why it was refused.
  std::string run(const Document& command) {
    const auto reply = model_.run(kDatabase, scripted::Doc(*command.get()));
    return reply ? "" : reply.error().message;
  }

  std::string run(const Step& step) { return run(step.command); }

  Catalog read() {
    Catalog catalog;
    catalog.server = server_;
    for (const Document& entry : list(json(R"({"listCollections":1})"))) {
      CatalogCollection collection = collection_from(entry).value();
      if (collection.name.starts_with("system.")) continue;
      Document command;
      append(command, "listIndexes", collection.name);
      if (collection.type != "view") {
        for (const Document& index : list(command)) collection.indexes.push_back(index_from(index).value());
      }
      if (collection.type == "collection") collection.documents = count(collection.name);
      catalog.collections.push_back(std::move(collection));
    }
    return catalog;
  }

 private:
  std::vector<Document> list(const Document& command) {
    const auto reply = model_.run(kDatabase, scripted::Doc(*command.get()));
    REQUIRE(reply);
    std::vector<Document> all;
    for (const scripted::Doc& each : reply->document("cursor").documents("firstBatch")) all.emplace_back(*each.get());
    return all;
  }

  std::int64_t count(const std::string& name) {
    const auto reply = model_.run(kDatabase, scripted::Doc().add("count", name));
    REQUIRE(reply);
    return reply->integer("n");
  }

  Server server_;
  scripted::CatalogModel model_{scripted::CatalogModel::Deployment::kReplicaSet};
};

}  // namespace readygate::schema
