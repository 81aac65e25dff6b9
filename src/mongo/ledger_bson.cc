#include "mongo/ledger_bson.h"

#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace readygate::mongo {

namespace {

void append(bson_t* to, const char* key, const std::string& text) {
  bson_append_utf8(to, key, -1, text.data(), static_cast<int>(text.size()));
}

void append_applied_fields(bson_t* to, const core::Applied& applied) {
  BSON_APPEND_INT32(to, "version", applied.version);
  append(to, "hash", applied.hash);
  BSON_APPEND_INT32(to, "hash_format", applied.hash_format);
  BSON_APPEND_INT32(to, "min_open", applied.min_open);
  BSON_APPEND_DATE_TIME(to, "at", applied.at.time_since_epoch().count());
  append(to, "by", applied.by);
  if (!applied.host.empty()) append(to, "host", applied.host);
  if (applied.took.count() > 0) BSON_APPEND_INT64(to, "took_ms", applied.took.count());
  if (applied.withheld > 0) BSON_APPEND_INT32(to, "withheld", applied.withheld);
}

void append_strings(bson_t* to, const char* key, const std::vector<std::string>& list) {
  bson_t array;
  BSON_APPEND_ARRAY_BEGIN(to, key, &array);
  for (std::size_t i = 0; i < list.size(); ++i) append(&array, std::to_string(i).c_str(), list[i]);
  bson_append_array_end(to, &array);
}

void append_target(bson_t* to, const std::optional<core::Target>& target) {
  if (!target) {
    BSON_APPEND_NULL(to, "target");
    return;
  }
  bson_t child;
  BSON_APPEND_DOCUMENT_BEGIN(to, "target", &child);
  BSON_APPEND_INT32(&child, "version", target->version);
  append(&child, "hash", target->hash);
  BSON_APPEND_INT32(&child, "hash_format", target->hash_format);
  bson_append_document_end(to, &child);
}

void append_owns(bson_t* to, const std::vector<core::Owns>& owns) {
  bson_t array;
  BSON_APPEND_ARRAY_BEGIN(to, "owns", &array);
  for (std::size_t i = 0; i < owns.size(); ++i) {
    bson_t entry;
    BSON_APPEND_DOCUMENT_BEGIN(&array, std::to_string(i).c_str(), &entry);
    append(&entry, "collection", owns[i].collection);
    append_strings(&entry, "indexes", owns[i].indexes);
    BSON_APPEND_BOOL(&entry, "created", owns[i].created);
    bson_append_document_end(&array, &entry);
  }
  bson_append_array_end(to, &array);
}

void append_fields(bson_t* to, const core::Ledger& ledger, core::LedgerFields fields) {
  using core::LedgerField;
  if (has(fields, LedgerField::kToken)) BSON_APPEND_INT64(to, "token", ledger.token);
  append(to, "rev", ledger.rev);
  if (has(fields, LedgerField::kOwner)) {
    if (ledger.owner) {
      append(to, "owner", *ledger.owner);
    } else {
      BSON_APPEND_NULL(to, "owner");
    }
  }
  if (has(fields, LedgerField::kPeriod)) BSON_APPEND_INT64(to, "period_ms", ledger.period_ms);
  if (has(fields, LedgerField::kApplied)) {
    if (ledger.applied) {
      bson_t child;
      BSON_APPEND_DOCUMENT_BEGIN(to, "applied", &child);
      append_applied_fields(&child, *ledger.applied);
      bson_append_document_end(to, &child);
    } else {
      BSON_APPEND_NULL(to, "applied");
    }
  }
  if (has(fields, LedgerField::kTarget)) append_target(to, ledger.target);
  if (has(fields, LedgerField::kStep)) append(to, "step", ledger.step);
  if (has(fields, LedgerField::kPending)) append_strings(to, "pending", ledger.pending);
  if (has(fields, LedgerField::kOwns)) append_owns(to, ledger.owns);
}

// Reads the fields of one document, and remembers the first that is not what it should be.
class Reader {
 public:
  Reader(const bson_t& document, std::string prefix) : document_(document), prefix_(std::move(prefix)) {}

  template <typename Integer>
  Integer integer(const char* field) {
    bson_iter_t iter;
    if (!find(field, iter)) return 0;
    if (BSON_ITER_HOLDS_NUMBER(&iter)) {
      const std::int64_t value = bson_iter_as_int64(&iter);
      if (std::in_range<Integer>(value)) return static_cast<Integer>(value);
    }
    wrong(field, "a whole number");
    return 0;
  }
  std::string text(const char* field) {
    bson_iter_t iter;
    if (!find(field, iter)) return "";
    return utf8(iter, field);
  }
  std::optional<std::string> optional_text(const char* field) {
    bson_iter_t iter;
    if (!find(field, iter)) return std::nullopt;
    return utf8(iter, field);
  }
  bool flag(const char* field) {
    bson_iter_t iter;
    return find(field, iter) && bson_iter_as_bool(&iter);
  }
  WallTime date(const char* field) {
    bson_iter_t iter;
    if (!find(field, iter)) return {};
    if (!BSON_ITER_HOLDS_DATE_TIME(&iter)) wrong(field, "a date");
    return WallTime(Millis(BSON_ITER_HOLDS_DATE_TIME(&iter) ? bson_iter_date_time(&iter) : 0));
  }
  std::vector<std::string> texts(const char* field) {
    std::vector<std::string> list;
    each(field, [&](const bson_iter_t& element) { list.push_back(utf8(element, field)); });
    return list;
  }
  // read(Reader&) is called with the document under `field`, if there is one.
  template <typename Read>
  void document(const char* field, Read read) {
    bson_iter_t iter;
    if (find(field, iter)) nested(iter, field, read);
  }
  template <typename Read>
  void documents(const char* field, Read read) {
    each(field, [&](const bson_iter_t& element) { nested(element, field, read); });
  }
  void require(const char* field) {
    bson_iter_t iter;
    if (!find(field, iter)) wrong(field, "there");
  }

  const std::string& problem() const { return problem_; }

 private:
  bool find(const char* field, bson_iter_t& iter) const {
    return bson_iter_init_find(&iter, &document_, field) && !BSON_ITER_HOLDS_NULL(&iter);
  }
  void wrong(const char* field, std::string_view expected) {
    if (problem_.empty()) problem_ = fmt::format("its field {}{} is not {}", prefix_, field, expected);
  }
  std::string utf8(const bson_iter_t& iter, const char* field) {
    if (!BSON_ITER_HOLDS_UTF8(&iter)) {
      wrong(field, "a string");
      return "";
    }
    std::uint32_t length = 0;
    const char* characters = bson_iter_utf8(&iter, &length);
    return std::string(characters, length);
  }
  template <typename Use>
  void each(const char* field, Use use) {
    bson_iter_t iter;
    bson_iter_t element;
    if (!find(field, iter)) return;
    if (!BSON_ITER_HOLDS_ARRAY(&iter) || !bson_iter_recurse(&iter, &element)) {
      wrong(field, "an array");
      return;
    }
    while (bson_iter_next(&element)) use(element);
  }
  template <typename Read>
  void nested(const bson_iter_t& iter, const char* field, Read read) {
    std::uint32_t length = 0;
    const std::uint8_t* data = nullptr;
    bson_t inner;
    if (BSON_ITER_HOLDS_DOCUMENT(&iter)) bson_iter_document(&iter, &length, &data);
    if (!data || !bson_init_static(&inner, data, length)) {
      wrong(field, "a document");
      return;
    }
    Reader reader(inner, fmt::format("{}{}.", prefix_, field));
    read(reader);
    if (problem_.empty()) problem_ = reader.problem_;
  }

  const bson_t& document_;
  std::string prefix_;
  std::string problem_;
};

core::Applied read_applied(Reader& in) {
  core::Applied applied;
  applied.version = in.integer<std::int32_t>("version");
  applied.hash = in.text("hash");
  applied.hash_format = in.integer<std::int32_t>("hash_format");
  applied.min_open = in.integer<std::int32_t>("min_open");
  applied.at = in.date("at");
  applied.by = in.text("by");
  applied.host = in.text("host");
  applied.took = Millis(in.integer<std::int64_t>("took_ms"));
  applied.withheld = in.integer<std::int32_t>("withheld");
  return applied;
}

}  // namespace

schema::Document fields_of(const core::Ledger& ledger, core::LedgerFields fields) {
  schema::Document document;
  append_fields(document.get(), ledger, fields);
  return document;
}

schema::Document to_bson(const core::Ledger& ledger) {
  schema::Document document;
  append(document.get(), "_id", ledger.id);
  append_fields(document.get(), ledger, core::kAllLedgerFields);
  return document;
}

tl::expected<core::Ledger, std::string> ledger_from(const bson_t& document) {
  Reader reader(document, "");
  core::Ledger ledger;
  reader.require("token");
  reader.require("rev");
  ledger.id = reader.text("_id");
  ledger.token = reader.integer<std::int64_t>("token");
  ledger.rev = reader.text("rev");
  ledger.owner = reader.optional_text("owner");
  ledger.period_ms = reader.integer<std::int64_t>("period_ms");
  reader.document("applied", [&](Reader& in) { ledger.applied = read_applied(in); });
  reader.document("target", [&](Reader& in) {
    core::Target& target = ledger.target.emplace();
    target.version = in.integer<std::int32_t>("version");
    target.hash = in.text("hash");
    target.hash_format = in.integer<std::int32_t>("hash_format");
  });
  ledger.step = reader.text("step");
  ledger.pending = reader.texts("pending");
  reader.documents("owns", [&](Reader& in) {
    ledger.owns.push_back({in.text("collection"), in.texts("indexes"), in.flag("created")});
  });
  if (!reader.problem().empty()) return tl::unexpected(reader.problem());
  return ledger;
}

tl::expected<core::Applied, std::string> applied_from(const bson_t& document) {
  Reader reader(document, "");
  reader.require("version");
  core::Applied applied = read_applied(reader);
  if (!reader.problem().empty()) return tl::unexpected(reader.problem());
  return applied;
}

schema::Document history_entry(const std::string& schema_name, const core::Applied& applied) {
  schema::Document document;
  append(document.get(), "_id", fmt::format("{}/v/{}/{}", schema_name, applied.version, applied.hash));
  append_applied_fields(document.get(), applied);
  return document;
}

}  // namespace readygate::mongo
