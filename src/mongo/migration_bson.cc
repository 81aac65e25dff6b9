#include "mongo/migration_bson.h"

#include <optional>

#include <fmt/format.h>

#include "schema/fields.h"

namespace readygate::mongo {
namespace {

using schema::append;
using schema::Document;

void append_what(Document& to, const core::MigrationRecord& record) {
  append(to, "checksum", record.checksum);
  append(to, "state", name(record.state));
}

void append_progress(Document& to, const core::MigrationRecord& record) {
  if (record.has_checkpoint()) {
    append(to, "checkpoint", record.checkpoint);
  } else {
    BSON_APPEND_NULL(to.get(), "checkpoint");
  }
  append(to, "done", record.done);
  append(to, "total", record.total);
  append(to, "found", record.found);
  append(to, "passes", record.passes);
  BSON_APPEND_DATE_TIME(to.get(), "started", record.started.time_since_epoch().count());
}

void append_who(Document& to, const core::MigrationRecord& record) {
  append(to, "token", record.token);
  append(to, "owner", record.owner);
  BSON_APPEND_DATE_TIME(to.get(), "at", record.at.time_since_epoch().count());
  append(to, "by", record.by);
  append(to, "host", record.host);
  append(to, "code", record.code);
  append(to, "error", record.error);
}

std::string text(const Document& document, std::string_view field_name) {
  const std::optional<schema::Field> found = schema::field(document, field_name);
  return found ? found->string().value_or("") : std::string();
}

std::int64_t number(const Document& document, std::string_view field_name, std::int64_t otherwise = 0) {
  const std::optional<schema::Field> found = schema::field(document, field_name);
  return found ? found->integer().value_or(otherwise) : otherwise;
}

WallTime date(const Document& document, std::string_view field_name) {
  const std::optional<schema::Field> found = schema::field(document, field_name);
  if (!found || found->type() != BSON_TYPE_DATE_TIME) return {};
  return WallTime(Millis(bson_iter_date_time(&found->iterator())));
}

}  // namespace

Document fields_of(const core::MigrationRecord& record) {
  Document document;
  append_what(document, record);
  append_progress(document, record);
  append(document, "claim", record.claim);
  append_who(document, record);
  return document;
}

Document fields_without_progress(const core::MigrationRecord& record) {
  Document document;
  append_what(document, record);
  append_who(document, record);
  return document;
}

tl::expected<core::MigrationRecord, std::string> record_from(const Document& document, std::string_view schema_name) {
  core::MigrationRecord record;
  const std::string id = text(document, "_id");
  record.key = id.size() > schema_name.size() ? id.substr(schema_name.size() + 1) : "";
  record.checksum = text(document, "checksum");
  const std::string state = text(document, "state");
  const std::optional<core::RecordState> known = core::record_state(state);
  if (!known) return tl::unexpected(fmt::format("its state is \"{}\", which is none", state));
  if (record.checksum.empty()) return tl::unexpected(std::string("its field checksum is missing"));
  record.state = *known;
  if (const auto checkpoint = schema::field(document, "checkpoint"); checkpoint && checkpoint->document()) {
    record.checkpoint = *checkpoint->document();
  }
  record.done = number(document, "done");
  record.total = number(document, "total", -1);
  record.found = number(document, "found");
  record.passes = number(document, "passes");
  record.claim = number(document, "claim");
  record.token = number(document, "token");
  record.owner = text(document, "owner");
  record.started = date(document, "started");
  record.at = date(document, "at");
  record.by = text(document, "by");
  record.host = text(document, "host");
  record.code = text(document, "code");
  record.error = text(document, "error");
  return record;
}

}  // namespace readygate::mongo
