#include "support/model/model_database.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace readygate::test {
namespace {

using schema::CatalogCollection;
using schema::CatalogIndex;
using schema::Document;

Document child(const bson_iter_t& at) {
  const std::uint8_t* data = nullptr;
  std::uint32_t length = 0;
  if (BSON_ITER_HOLDS_ARRAY(&at)) {
    bson_iter_array(&at, &length, &data);
  } else {
    bson_iter_document(&at, &length, &data);
  }
  bson_t view;
  if (!bson_init_static(&view, data, length)) return {};
  return Document(view);
}

void append(Document& to, const bson_iter_t& at) { bson_append_iter(to.get(), nullptr, 0, &at); }

CatalogIndex index_of(const Document& spec) {
  CatalogIndex made;
  bson_iter_t at;
  bson_iter_init(&at, spec.get());
  while (bson_iter_next(&at)) {
    const std::string_view field = bson_iter_key(&at);
    if (field == "name") {
      made.index.name = bson_iter_utf8(&at, nullptr);
    } else if (field == "key") {
      made.index.key = child(at);
    } else {
      append(made.index.options, at);
    }
  }
  return made;
}

CatalogCollection& collection_named(schema::Catalog& catalog, const std::string& name) {
  for (CatalogCollection& collection : catalog.collections) {
    if (collection.name == name) return collection;
  }
  CatalogIndex id;
  id.index.name = "_id_";
  id.index.key = *Document::from_json(R"({"_id": 1})");
  catalog.collections.push_back({name, "collection", {}, {id}});
  catalog.collections.back().documents = 0;
  return catalog.collections.back();
}

void merge(Document& options, const Document& command, const std::vector<std::string_view>& but) {
  bson_iter_t at;
  bson_iter_init(&at, command.get());
  Document next;
  while (bson_iter_next(&at)) {
    if (std::find(but.begin(), but.end(), bson_iter_key(&at)) == but.end()) append(next, at);
  }
  bson_iter_init(&at, options.get());
  while (bson_iter_next(&at)) {
    if (!next.has(bson_iter_key(&at))) append(next, at);
  }
  options = next;
}

}  // namespace

void run_command(schema::Catalog& catalog, const Document& command) {
  bson_iter_t at;
  bson_iter_init(&at, command.get());
  bson_iter_next(&at);
  const std::string_view verb = bson_iter_key(&at);
  CatalogCollection& collection = collection_named(catalog, bson_iter_utf8(&at, nullptr));
  if (verb == "create") {
    merge(collection.options, command, {"create"});
  } else if (verb == "createIndexes") {
    bson_iter_init_find(&at, command.get(), "indexes");
    const Document specs = child(at);
    bson_iter_init(&at, specs.get());
    while (bson_iter_next(&at)) {
      const CatalogIndex index = index_of(child(at));
      std::erase_if(collection.indexes, [&](const CatalogIndex& had) { return had.index.name == index.index.name; });
      collection.indexes.push_back(index);
    }
  } else if (verb == "dropIndexes") {
    bson_iter_init_find(&at, command.get(), "index");
    const std::string_view name = bson_iter_utf8(&at, nullptr);
    std::erase_if(collection.indexes, [&](const CatalogIndex& had) { return had.index.name == name; });
  } else if (verb == "collMod" && command.has("index")) {
    bson_iter_init_find(&at, command.get(), "index");
    const Document change = child(at);
    bson_iter_init_find(&at, change.get(), "name");
    const std::string name = bson_iter_utf8(&at, nullptr);
    for (CatalogIndex& index : collection.indexes) {
      if (index.index.name == name) merge(index.index.options, change, {"name", "keyPattern"});
    }
  } else {
    merge(collection.options, command, {"collMod"});
  }
}

bool matches(const std::optional<core::Ledger>& ledger, const core::LedgerMatch& match) {
  if (!ledger) return false;
  if (const auto* rev = std::get_if<core::LedgerRev>(&match)) {
    return rev->token == ledger->token && rev->rev == ledger->rev;
  }
  const auto& hold = std::get<core::LedgerHold>(match);
  return hold.token == ledger->token && hold.owner == ledger->owner;
}

core::Ledger changed(core::Ledger before, const core::ChangeLedger& change) {
  using core::LedgerField;
  const core::Ledger& next = change.next;
  before.rev = next.rev;
  if (has(change.fields, LedgerField::kToken)) before.token = next.token;
  if (has(change.fields, LedgerField::kOwner)) before.owner = next.owner;
  if (has(change.fields, LedgerField::kPeriod)) before.period_ms = next.period_ms;
  if (has(change.fields, LedgerField::kApplied)) before.applied = next.applied;
  if (has(change.fields, LedgerField::kTarget)) before.target = next.target;
  if (has(change.fields, LedgerField::kStep)) before.step = next.step;
  if (has(change.fields, LedgerField::kPending)) before.pending = next.pending;
  if (has(change.fields, LedgerField::kOwns)) before.owns = next.owns;
  return before;
}

core::Outcome ModelDatabase::run(const core::Work& work) {
  if (fault) {
    if (auto failure = fault(work)) return tl::unexpected(std::move(*failure));
  }
  return std::visit([&](const auto& w) { return answer(w); }, work);
}

core::Outcome ModelDatabase::answer(const core::ReadLedger& /*work*/) {
  ++count["find"];
  return core::LedgerRead{ledger};
}

core::Outcome ModelDatabase::answer(const core::ReadCatalog& work) {
  ++count["catalog"];
  core::CatalogRead read;
  read.primary = primary;
  if (work.rest()) {
    read.catalog.server = catalog.server;
    read.catalog.owned_elsewhere = catalog.owned_elsewhere;
  }
  if (work.part == core::ReadCatalog::Part::kRest) return read;
  for (const CatalogCollection& collection : catalog.collections) {
    if (std::find(work.collections.begin(), work.collections.end(), collection.name) != work.collections.end()) {
      if (work.part == core::ReadCatalog::Part::kNames) {
        read.names.push_back(collection.name);
        continue;
      }
      read.catalog.collections.push_back(collection);
      if (hides_builds) {
        for (CatalogIndex& index : read.catalog.collections.back().indexes) index.build = schema::Build::kUnknown;
      }
      auto& documents = read.catalog.collections.back().documents;
      documents.reset();
      if (work.count) documents = documents_each;
    }
  }
  return read;
}

core::Outcome ModelDatabase::answer(const core::Connect& /*work*/) {
  ++count["connect"];
  return core::Done{};
}

core::Outcome ModelDatabase::answer(const core::RunStep& work) {
  ++count["step"];
  run_command(catalog, work.step.command);
  return core::Done{};
}

core::Outcome ModelDatabase::answer(const core::AwaitEarlier& /*work*/) {
  ++count["earlier"];
  return core::EarlierGone{};
}

core::Outcome ModelDatabase::answer(const core::InsertLedger& work) {
  ++count["write"];
  if (ledger) return core::LedgerWritten{false, primary};
  ledger = work.first;
  return core::LedgerWritten{true, primary};
}

core::Outcome ModelDatabase::answer(const core::ChangeLedger& work) {
  ++count[work.fields == static_cast<core::LedgerFields>(core::LedgerField::kStep) ? "renewal" : "write"];
  if (!matches(ledger, work.match)) return core::LedgerWritten{false, primary};
  ledger = changed(*ledger, work);
  return core::LedgerWritten{true, primary};
}

core::Outcome ModelDatabase::answer(const core::ReadProgress& /*work*/) {
  ++count["currentOp"];
  return core::ProgressRead{builds};
}

core::Outcome ModelDatabase::answer(const core::Warm& /*work*/) {
  ++count["warm"];
  return core::Done{};
}

core::Outcome ModelDatabase::answer(const core::Ping& /*work*/) {
  ++count["ping"];
  return core::Done{};
}

core::Failure server_error(int code, std::string message) {
  core::Failure failure;
  failure.domain = core::Domain::kServer;
  failure.code = code;
  failure.message = std::move(message);
  return failure;
}

core::Failure overloaded_error(Millis base_backoff) {
  core::Failure failure = server_error(462, "Rate limiter 'ingressRequestRateLimiter' rate exceeded");
  failure.labels = {"SystemOverloadedError", "RetryableError"};
  failure.base_backoff = base_backoff;
  return failure;
}

core::Failure connection_refused() {
  core::Failure failure;
  failure.domain = core::Domain::kRefused;
  failure.message = "127.0.0.1:27017: connection refused";
  return failure;
}

}  // namespace readygate::test
