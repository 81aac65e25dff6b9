// The reader decides what can be declared: a piece is taken in when the file with it is valid and says of the piece
// what the catalog says. So nothing here repeats the rules of parse*.cc, and a rule that changes there holds here.
#include "schema/writer.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json.h"
#include "base/printable.h"
#include "schema/encryption.h"
#include "schema/fields.h"
#include "schema/names.h"
#include "schema/normalise.h"
#include "schema/options.h"
#include "schema/plan.h"
#include "schema/schema.h"
#include "schema/write_values.h"
#include "toml/format.h"
#include "toml/print.h"

namespace readygate::schema {
namespace {

constexpr std::string_view kCheckHead = "schema = \"s\"\ndatabase = \"d\"\nversion = 1\n";

std::string assignment(std::string_view key, std::string_view value) { return fmt::format("{} = {}\n", key, value); }

// Options of a collection that collection_keys writes, and those that say nothing about it (left by old versions).
constexpr std::string_view kKnownOptions[] = {"validator",
                                              "validationLevel",
                                              "validationAction",
                                              "capped",
                                              "size",
                                              "max",
                                              "timeseries",
                                              "clusteredIndex",
                                              "collation",
                                              "expireAfterSeconds",
                                              "storageEngine",
                                              "changeStreamPreAndPostImages",
                                              "indexOptionDefaults",
                                              "encryptedFields",
                                              "autoIndexId",
                                              "flags",
                                              "temp"};

// The keys of [[collection]] beside its name and its indexes, from normalised options.
std::string collection_keys(const Document& options) {
  std::string out;
  if (const auto validator = document_at(options, "validator")) {
    out += assignment("validator", json_text(*validator));
    std::string how;
    const auto add = [&](std::string_view key, std::string_view option) {
      const std::string word = field(options, option)->string().value_or("");
      if (word == toml::Keys(kValidationKeys).find(key)->fallback) return;
      how += fmt::format("{}{} = {}", how.empty() ? "" : ", ", key, toml::quoted(word));
    };
    add("level", "validationLevel");
    add("action", "validationAction");
    if (!how.empty()) out += assignment("validation", "{ " + how + " }");
  }
  if (options.has("capped")) {
    std::string capped = fmt::format("size = {}", field(options, "size")->integer().value_or(0));
    if (const auto max = field(options, "max")) capped += fmt::format(", max = {}", max->integer().value_or(0));
    out += assignment("capped", "{ " + capped + " }");
  }
  if (const auto series = document_at(options, "timeseries")) {
    std::string keys;
    const auto add = [&](std::string_view key, std::string_view option) {
      const std::optional<Field> value = field(*series, option);
      if (!value) return;
      keys +=
          fmt::format("{}{} = {}", keys.empty() ? "" : ", ", key,
                      value->string() ? toml::quoted(*value->string()) : seconds_text(value->integer().value_or(0)));
    };
    add("time_field", "timeField");
    add("meta_field", "metaField");
    add("granularity", "granularity");
    add("bucket_span", "bucketMaxSpanSeconds");
    out += assignment("timeseries", "{ " + keys + " }");
  }
  if (const auto clustered = document_at(options, "clusteredIndex")) {
    const std::optional<Field> name = field(*clustered, "name");
    const std::string text = name ? name->string().value_or("_id_") : "_id_";
    out += assignment("clustered", text == "_id_" ? "true" : fmt::format("{{ name = {} }}", toml::quoted(text)));
  }
  if (const auto collation = document_at(options, "collation"))
    out += assignment("collation", collation_text(*collation));
  if (const auto seconds = field(options, "expireAfterSeconds")) {
    out += assignment("expire_after", seconds_text(seconds->integer().value_or(0)));
  }
  if (options.has("changeStreamPreAndPostImages")) out += assignment("pre_images", "true");
  if (const auto engine = document_at(options, "storageEngine"))
    out += assignment("storage_engine", json_text(*engine));
  if (const auto defaults = document_at(options, "indexOptionDefaults")) {
    if (const auto engine = document_at(*defaults, "storageEngine")) {
      out += assignment("index_storage_engine", json_text(*engine));
    }
  }
  if (const auto encrypted = document_at(options, kEncryptedFields)) {
    out += assignment("encrypted_fields", json_text(*encrypted));
  }
  return out;
}

std::string key_text(const Document& key) {
  std::string out;
  for (const Field& each : fields(key)) {
    const std::optional<std::string> kind = each.string();
    out += fmt::format("{}[{}, {}]", out.empty() ? "" : ", ", toml::quoted(each.name()),
                       kind ? toml::quoted(*kind) : number_text(each.real().value_or(0)));
  }
  return "[" + out + "]";
}

std::string option_text(const IndexOption& option, const Field& value) {
  switch (option.form) {
    case Form::kBoolean: return value.truthy() ? "true" : "false";
    case Form::kSeconds: return seconds_text(value.integer().value_or(-1));
    case Form::kDocument: return json_text(value.document().value_or(Document()));
    case Form::kWord: return toml::quoted(value.string().value_or(""));
    case Form::kNumber: return number_text(value.real().value_or(0));
    case Form::kCollation: return collation_text(value.document().value_or(Document()));
    case Form::kWeights: {
      std::string out;
      const Document weights = value.document().value_or(Document());
      for (const Field& weight : fields(weights)) {
        out += fmt::format("{}{} = {}", out.empty() ? "" : ", ", toml::key_text(weight.name()),
                           number_text(weight.real().value_or(0)));
      }
      return "{ " + out + " }";
    }
  }
  return {};
}

// What a server puts in by itself, and what is therefore nobody's declaration: the newest version of text and 2dsphere
// indexes of MongoDB (manual, "createIndexes"), the version of FerretDB 2.7's text indexes, and its note on each index.
bool chosen_by_server(std::string_view option, const Field& value, const Server& server) {
  if (option == "textIndexVersion") return value.integer() == (server.product == "ferretdb" ? 2 : 3);
  if (option == "2dsphereIndexVersion") return value.integer() == 3;
  const std::optional<Document> engine = option == "storageEngine" ? value.document() : std::nullopt;
  return engine && engine->has("enableOrderedIndex");
}

// One [[collection.index]] from a normalised index. `collation` is the collection's own, which its indexes have where
// they say nothing else.
std::string index_table(const Index& index, const std::optional<Document>& collation, const Server& server) {
  std::string out = "[[collection.index]]\n";
  out += assignment("name", toml::quoted(index.name)) + assignment("key", key_text(index.key));
  for (const IndexOption& option : kIndexOptions) {
    const std::optional<Field> value = field(index.options, option.server);
    const bool inherits = option.form == Form::kCollation && collation;
    if (!value) {
      if (inherits && has(option.kinds, kind_of(index.key))) out += assignment(option.key.name, collation_text({}));
      continue;
    }
    const std::optional<Document> own = value->document();
    const bool inherited = inherits && own && same(*own, *collation);
    if (!inherited && !chosen_by_server(option.server, *value, server)) {
      out += assignment(option.key.name, option_text(option, *value));
    }
  }
  return out;
}

class SchemaWriter {
 public:
  SchemaWriter(const Catalog& catalog, const Head& head) : catalog_(catalog), head_(head) {}

  Written run() {
    std::map<std::string_view, const CatalogCollection*> by_name;
    for (const CatalogCollection& each : catalog_.collections) by_name.emplace(each.name, &each);
    for (const auto& [name, collection] : by_name) {
      if (!written(name)) continue;
      if (const ForeignOwner* owner = catalog_.owner(name)) {
        leave_out(body_, fmt::format("{}: the schema {} made it", json_quote(name), json_quote(owner->schema)), {});
        body_ += '\n';
      } else if (collection->type == "view") {
        view(*collection);
      } else if (collection->type == (collection->options.has("timeseries") ? "timeseries" : "collection")) {
        this->collection(*collection);
      } else {
        leave_out(body_, fmt::format("the {} {}: it cannot be declared", collection->type, json_quote(name)), {});
        body_ += '\n';
      }
    }
    const std::string least = head_.min_open > 1 ? fmt::format("min_open = {}\n", head_.min_open) : "";
    std::string text = fmt::format("schema = {}\ndatabase = {}\nversion = {}\n{}\n{}{}", toml::quoted(head_.schema),
                                   toml::quoted(head_.database), head_.version, least, body_, views_);
    const auto laid_out = toml::format(text, "import", kSchemaKeys);
    if (laid_out) text = *laid_out;
    return {std::move(text), std::move(left_out_)};
  }

 private:
  // The schema with these tables, or the first thing that is wrong with it.
  static tl::expected<Schema, std::string> read_back(const std::string& tables) {
    auto schema = parse(std::string(kCheckHead) + tables, "import", "");
    if (schema) return std::move(*schema);
    return tl::unexpected(schema.error().front().message);
  }

  // What is left out stands as a comment in its place, with the server's own words for whoever wants to look at it.
  void leave_out(std::string& where, std::string sentence, const Document& as_it_is) {
    where += fmt::format("# Left out: {}\n", printable(sentence));
    if (!as_it_is.empty()) where += fmt::format("#   {}\n", printable(as_it_is.to_json()));
    left_out_.push_back(std::move(sentence));
  }

  void collection(const CatalogCollection& live) {
    std::string table = "[[collection]]\n" + assignment("name", toml::quoted(live.name));
    const Document options = normalised_collection(live.options);
    const std::string keys = collection_keys(options);
    const auto bare = read_back(table);
    if (!bare) {
      leave_out(body_, fmt::format("the collection {}: {}", json_quote(live.name), bare.error()), {});
      body_ += '\n';
      return;
    }
    const auto whole = read_back(table + keys);
    std::string notes;
    if (whole && same(whole->collections.front().options, options)) {
      table += keys;
    } else {
      leave_out(notes,
                fmt::format("the options of the collection {}: {}", json_quote(live.name),
                            whole ? "they cannot be written as they are" : whole.error()),
                live.options);
    }
    unknown_options(live, notes);
    indexes(live, document_at(options, "collation"), table, notes);
    if (notes.empty()) contradictions(live, table, notes);
    body_ += notes + table + "\n";
  }

  // The last word is a plan's: a catalog that contradicts itself can be beyond what any declaration says.
  void contradictions(const CatalogCollection& live, const std::string& table, std::string& notes) {
    const auto schema = read_back(table);
    if (!schema) return;
    for (const Finding& finding : diff(*schema, Catalog{catalog_.server, {live}}).findings) {
      if (finding.kind == FindingKind::kConflict) leave_out(notes, finding.message, {});
    }
  }

  static bool has_validator(const CatalogCollection& live) {
    return normalised_collection(live.options).has("validator");
  }

  void unknown_options(const CatalogCollection& live, std::string& notes) {
    for (const Field& option : fields(live.options)) {
      const auto* const known = std::find(std::begin(kKnownOptions), std::end(kKnownOptions), option.name());
      // Without a validator a level says nothing, but for a constraint, which no write may bypass.
      const bool bare = option.name() == "validationLevel" && option.string() == "constraint" && !has_validator(live);
      if (known != std::end(kKnownOptions) && !bare) continue;
      Document alone;
      append(alone, option);
      leave_out(notes,
                fmt::format("{} of {}: it cannot be declared{}", option.name(), json_quote(live.name),
                            bare ? " without a validator" : ""),
                alone);
    }
  }

  void indexes(const CatalogCollection& live, const std::optional<Document>& collation, std::string& table,
               std::string& notes) {
    std::vector<const CatalogIndex*> in_order;
    for (const CatalogIndex& each : live.indexes) {
      const bool goes_along = encrypts(live.options) && is_safe_content_index(each.index);
      if (!is_id_index(each.index) && !goes_along) in_order.push_back(&each);
    }
    std::stable_sort(in_order.begin(), in_order.end(),
                     [](const auto* a, const auto* b) { return a->index.name < b->index.name; });
    for (const CatalogIndex* each : in_order) {
      const Index index = normalised(each->index);
      const std::string name = fmt::format("the index {} of {}", json_quote(index.name), json_quote(live.name));
      std::string candidate = table + index_table(index, collation, catalog_.server);
      const auto whole = read_back(candidate);
      std::string why;
      if (!whole) {
        why = whole.error();
      } else if (const auto differing = differences(whole->collections.front().indexes.back(), index);
                 !differing.empty()) {
        why = fmt::format("its {} cannot be written as it is", fmt::join(differing, ", "));
      }
      if (why.empty()) {
        table = std::move(candidate);
        continue;
      }
      Document spec = index.options;
      append(spec, "key", index.key);
      leave_out(notes, fmt::format("{}: {}", name, why), spec);
    }
  }

  void view(const CatalogCollection& live) {
    const Document options = normalised_view(live.options);
    const std::optional<Field> on = field(options, "viewOn");
    std::string table = "[[view]]\n" + assignment("name", toml::quoted(live.name));
    table += assignment("on", toml::quoted(on ? on->string().value_or("") : ""));
    const std::optional<Field> stages = field(options, "pipeline");
    const std::optional<Document> pipeline = stages ? stages->document() : std::nullopt;
    if (pipeline && !pipeline->empty()) table += assignment("pipeline", json_array_text(*pipeline));
    if (const auto collation = document_at(options, "collation"))
      table += assignment("collation", collation_text(*collation));
    const auto whole = read_back(table);
    if (whole && same(whole->views.front().options, options, FieldOrder::kMatters)) {
      views_ += table + "\n";
      return;
    }
    leave_out(
        views_,
        fmt::format("the view {}: {}", json_quote(live.name), whole ? "it cannot be written as it is" : whole.error()),
        live.options);
    views_ += '\n';
  }

  const Catalog& catalog_;
  const Head& head_;
  std::string body_;
  std::string views_;
  std::vector<std::string> left_out_;
};

}  // namespace

bool written(std::string_view name) {
  return name != kLedgerCollection && !name.starts_with("system.") && !name.starts_with(kStatePrefix);
}

std::string schema_name_for(const std::string& database) {
  std::string name = database.substr(0, 64);
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool allowed = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    if (!allowed) c = '_';
  }
  return name;
}

Written write_schema(const Catalog& catalog, const Head& head) { return SchemaWriter(catalog, head).run(); }

}  // namespace readygate::schema
