// The actions are those that the server's commands ask for:
// https://www.mongodb.com/docs/manual/reference/privilege-actions/
#include "schema/privileges.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json.h"
#include "base/printable.h"
#include "schema/fields.h"
#include "schema/migration_commands.h"
#include "schema/names.h"

namespace readygate::schema {
namespace {

constexpr std::array kNeeds = {
    Need{Purpose::kStart, "find", Scope::kLedger, ""},
    Need{Purpose::kVerify, "listCollections", Scope::kDatabase, ""},
    Need{Purpose::kVerify, "listIndexes", Scope::kListed, ""},
    Need{Purpose::kVerify, "find", Scope::kCollections,
         "each collection is taken to hold documents, and those that contradict a unique index or a constraint are not "
         "named"},
    Need{Purpose::kApply, "insert update", Scope::kLedger, ""},
    Need{Purpose::kApply, "createCollection collMod", Scope::kDeclared, ""},
    Need{Purpose::kApply, "createIndex", Scope::kCollections, ""},
    Need{Purpose::kApply, "dropIndex", Scope::kCollections,
         "policy.conflict = \"replace\" and policy.extra_indexes = \"drop\" fail"},
    Need{Purpose::kDocuments, "find insert update", Scope::kWritten, ""},
    Need{Purpose::kDocuments, "remove", Scope::kRemoved, ""},
    Need{Purpose::kProgress, "inprog", Scope::kCluster,
         "the progress of a build is not known, and operations of another user are not awaited after a takeover"},
    Need{Purpose::kSharded, "find", Scope::kShardCatalog,
         "each collection is taken to be sharded by something unknown"},
    Need{Purpose::kSharded, "indexStats", Scope::kCollections, "the plan says `sharded_unverified`"},
    Need{Purpose::kProbe, "createCollection collMod createIndex insert dropCollection", Scope::kScratch, ""},
};

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> all;
  while (!text.empty()) {
    const auto space = std::min(text.find(' '), text.size());
    all.emplace_back(text.substr(0, space));
    text.remove_prefix(std::min(space + 1, text.size()));
  }
  return all;
}

std::vector<std::string> removed_from(const Schema& schema) {
  std::vector<std::string> names;
  for (const Migration& migration : schema.migrations) {
    const CommandList* list = migration.commands();
    if (list == nullptr) continue;
    for (const Document& command : list->commands) {
      const std::optional<Field> remove = field(command, "remove");
      if (command.has("delete") || (command.has("findAndModify") && remove && remove->truthy())) {
        names.push_back(collection_of(command));
      }
    }
  }
  return names;
}

std::vector<Resource> resources(const Schema& schema, Scope scope) {
  std::vector<Resource> all;
  const auto add = [&](std::vector<std::string> names) {
    for (std::string& collection : names) all.push_back({schema.database, std::move(collection)});
  };
  switch (scope) {
    case Scope::kLedger: add({std::string(kLedgerCollection)}); break;
    case Scope::kDatabase: add({""}); break;
    case Scope::kCollections:
      for (const Collection& collection : schema.collections) add({collection.name});
      break;
    case Scope::kListed: {
      std::vector<std::string> names = declared_names(schema);
      names.resize(names.size() - schema.views.size());  // which come last
      add(std::move(names));
      break;
    }
    case Scope::kDeclared: add(declared_names(schema)); break;
    case Scope::kWritten:
      add(written_names(schema));
      if (!schema.seeds.empty() || !schema.migrations.empty()) add({std::string(kLedgerCollection)});
      break;
    case Scope::kRemoved: add(removed_from(schema)); break;
    case Scope::kCluster: all.push_back({"", "", true, false}); break;
    case Scope::kShardCatalog: all.push_back({"config", "collections"}); break;
    case Scope::kScratch: add({""}); break;  // its name is another each time
  }
  return all;
}

bool covers(const Resource& granted, const Resource& wanted) {
  if (granted.any) return true;
  if (granted.cluster || wanted.cluster) return granted.cluster && wanted.cluster;
  if (!granted.database.empty() && granted.database != wanted.database) return false;
  if (granted.collection.empty()) return !wanted.collection.starts_with("system.");
  return granted.collection == wanted.collection;
}

bool allowed(const std::vector<Privilege>& granted, const Resource& resource, std::string_view action) {
  return std::any_of(granted.begin(), granted.end(), [&](const Privilege& privilege) {
    if (!covers(privilege.resource, resource)) return false;
    return std::any_of(privilege.actions.begin(), privilege.actions.end(), [&](const std::string& has) {
      // create asks for either (manual, "create", Access Control).
      return has == action || has == "anyAction" || (action == "createCollection" && has == "insert");
    });
  });
}

bool applies(const Need& need, const Schema& schema, const Server& server, Probing probing) {
  if (need.purpose == Purpose::kProbe) return probing == Probing::kYes;
  if (need.purpose == Purpose::kSharded) return server.topology == "sharded";
  if (need.actions == "dropIndex") {
    return schema.policy.conflict == Policy::Conflict::kReplace || schema.policy.extra_indexes == Policy::Extra::kDrop;
  }
  return true;
}

std::string shown(const Resource& resource) {
  if (resource.cluster) return "the cluster";
  if (resource.collection.empty()) return fmt::format("the database {}", resource.database);
  return fmt::format("{}.{}", resource.database, resource.collection);
}

}  // namespace

std::string_view name(Purpose purpose) {
  switch (purpose) {
    case Purpose::kStart: return "start";
    case Purpose::kVerify: return "verify";
    case Purpose::kApply: return "apply";
    case Purpose::kDocuments: return "documents";
    case Purpose::kProgress: return "progress";
    case Purpose::kSharded: return "sharded";
    case Purpose::kProbe: return "probe";
  }
  return "";
}

std::string_view meaning(Purpose purpose) {
  switch (purpose) {
    case Purpose::kStart: return "every start; with an unchanged schema nothing else";
    case Purpose::kVerify: return "a change is needed, the look after opening, and `readygate plan`";
    case Purpose::kApply: return "applying a change";
    case Purpose::kDocuments: return "seeds and migrations";
    case Purpose::kProgress: return "telling how far a build is";
    case Purpose::kSharded: return "sharded clusters";
    case Purpose::kProbe: return "`readygate plan --probe`";
  }
  return "";
}

std::string_view name(Scope scope) {
  switch (scope) {
    case Scope::kLedger: return "`_readygate`";
    case Scope::kDatabase: return "the database";
    case Scope::kCollections: return "each declared collection";
    case Scope::kListed: return "each declared collection, and the state collections of encrypted fields";
    case Scope::kDeclared: return "each declared collection and view, and the state collections of encrypted fields";
    case Scope::kWritten: return "`_readygate`, and each collection that they write";
    case Scope::kRemoved: return "each collection that a migration deletes from";
    case Scope::kCluster: return "the cluster";
    case Scope::kShardCatalog: return "`config.collections`";
    case Scope::kScratch: return "the database: the collection has another name each time";
  }
  return "";
}

std::span<const Need> needs() { return kNeeds; }

std::optional<std::vector<Privilege>> privileges_from(const Document& connection_status) {
  const auto inside = [](const Document& document, std::string_view of) {
    const std::optional<Field> found = field(document, of);
    return found ? found->document() : std::nullopt;
  };
  const std::optional<Document> info = inside(connection_status, "authInfo");
  const std::optional<Document> users = info ? inside(*info, "authenticatedUsers") : std::nullopt;
  const std::optional<Document> listed = info ? inside(*info, "authenticatedUserPrivileges") : std::nullopt;
  if (!users || users->empty() || !listed || listed->empty()) return std::nullopt;
  std::vector<Privilege> all;
  for (const Field& each : fields(*listed)) {
    const std::optional<Document> entry = each.document();
    const std::optional<Document> resource = entry ? inside(*entry, "resource") : std::nullopt;
    const std::optional<Document> actions = entry ? inside(*entry, "actions") : std::nullopt;
    if (!resource || !actions) continue;
    const std::optional<Field> database = field(*resource, "db");
    const std::optional<Field> collection = field(*resource, "collection");
    Privilege privilege;
    privilege.resource.any = resource->has("anyResource");
    privilege.resource.cluster = resource->has("cluster");
    if (database) privilege.resource.database = database->string().value_or("");
    if (collection) privilege.resource.collection = collection->string().value_or("");
    // Kinds of resources that are not known here grant nothing that is needed.
    if (!privilege.resource.any && !privilege.resource.cluster && (!database || !collection)) continue;
    for (const Field& action : fields(*actions)) privilege.actions.push_back(action.string().value_or(""));
    all.push_back(std::move(privilege));
  }
  return all;
}

std::vector<Missing> missing_privileges(const std::vector<Privilege>& granted, const Schema& schema,
                                        const Server& server, Probing probing) {
  std::vector<Missing> missing;
  for (const Need& need : kNeeds) {
    if (!applies(need, schema, server, probing)) continue;
    for (const Resource& resource : resources(schema, need.scope)) {
      Missing one{need.purpose, {}, resource, need.without};
      for (std::string& action : words(need.actions)) {
        if (!allowed(granted, resource, action)) one.actions.push_back(std::move(action));
      }
      if (!one.actions.empty()) missing.push_back(std::move(one));
    }
  }
  return missing;
}

std::string render_text(const std::vector<Missing>& missing) {
  std::string out;
  std::vector<bool> done(missing.size());
  for (std::size_t i = 0; i < missing.size(); ++i) {
    if (done[i]) continue;
    std::string on;
    for (std::size_t k = i; k < missing.size(); ++k) {
      const Missing& other = missing[k];
      if (other.purpose != missing[i].purpose || other.actions != missing[i].actions ||
          other.without != missing[i].without) {
        continue;
      }
      done[k] = true;
      on += (on.empty() ? "" : ", ") + shown(other.resource);
    }
    const bool needed = missing[i].without.empty();
    out += fmt::format("{} not allowed to {}: {} on {}{}{}\n", needed ? '!' : '?', name(missing[i].purpose),
                       fmt::join(missing[i].actions, ", "), printable(on), needed ? "" : "; without it ",
                       missing[i].without);
  }
  return out;
}

std::string render_json(const std::vector<Missing>& missing) {
  JsonWriter json;
  json.begin_array();
  for (const Missing& each : missing) {
    json.begin_object().field("for", name(each.purpose)).key("actions").begin_array();
    for (const std::string& action : each.actions) json.value(action);
    json.end_array().key("resource").begin_object();
    if (each.resource.cluster) {
      json.field("cluster", true);
    } else {
      json.field("db", each.resource.database).field("collection", each.resource.collection);
    }
    json.end_object().field("needed", each.without.empty()).end_object();
  }
  return json.end_array().take();
}

}  // namespace readygate::schema
