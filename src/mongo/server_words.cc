#include "mongo/server_words.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "core/server_rules.h"
#include "schema/fields.h"

namespace readygate::mongo {
namespace {

using core::Doing;
using schema::Document;

constexpr std::string_view kHidden = "…";

// What follows one of these is a value without quotes, up to the end.
constexpr std::array<std::string_view, 2> kBeforeValue = {
    "language override unsupported: ",  // 17262, MongoDB 2.6 to 9.0
    "dup key: ",                        // 11000
};

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80U;
}

char closing(char open) { return open == '{' ? '}' : open == '[' ? ']' : open == '(' ? ')' : open; }

// Behind the quoted text that begins at `at`; the end, where it is cut off. An apostrophe within a word closes nothing.
std::size_t after_quoted(std::string_view text, std::size_t at) {
  const char quote = text[at];
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == quote && (quote == '"' || i + 1 == text.size() || !is_word(text[i + 1]))) {
      return i + 1;
    }
  }
  return text.size();
}

// Behind the bracket that closes the one at `at`.
std::size_t after_bracket(std::string_view text, std::size_t at) {
  int depth = 0;
  for (std::size_t i = at; i < text.size();) {
    if (text[i] == '"' || (text[i] == '\'' && (i == 0 || !is_word(text[i - 1])))) {
      i = after_quoted(text, i);
      continue;
    }
    if (text[i] == '{' || text[i] == '[') ++depth;
    if (text[i] == '}' || text[i] == ']') --depth;
    ++i;
    if (depth == 0) return i;
  }
  return text.size();
}

// A name or value that the command holds as a whole.
bool holds(std::string_view known, std::string_view part) {
  if (part.empty()) return true;
  for (std::size_t at = known.find(part); at != std::string_view::npos; at = known.find(part, at + 1)) {
    const std::size_t end = at + part.size();
    const bool begins = at == 0 || !is_word(known[at - 1]);
    if (begins && (end == known.size() || !is_word(known[end]))) return true;
  }
  return false;
}

std::size_t after_number(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() &&
         (is_word(text[end]) || text[end] == '.' || text[end] == ':' || text[end] == '+' || text[end] == '-')) {
    ++end;
  };
  while (end > at && (text[end - 1] == '.' || text[end - 1] == ':')) --end;
  return std::max(end, at + 1);
}

// Behind the value that begins at `at`, if one does.
std::optional<std::size_t> after_value(std::string_view text, std::size_t at) {
  const char c = text[at];
  const bool begins = at == 0 || !is_word(text[at - 1]);
  if (c == '{' || c == '[') return after_bracket(text, at);
  if (c == '"' || (c == '\'' && begins)) return after_quoted(text, at);
  if (c >= '0' && c <= '9' && begins) return after_number(text, at);
  return std::nullopt;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// The text of `name: VALUE` in what a server shows of a document, up to the comma or bracket behind it.
std::string value_of(std::string_view text, std::string_view name) {
  const std::size_t found = text.find(name);
  if (found == std::string_view::npos) return {};
  std::size_t at = found + name.size();
  const std::size_t begin = at;
  while (at < text.size() && text[at] != ',' && text[at] != '}') {
    const auto after =
        text[at] == '(' ? std::optional(std::min(text.find(')', at), text.size() - 1) + 1) : after_value(text, at);
    at = after.value_or(at + 1);
  }
  return std::string(trimmed(text.substr(begin, at - begin)));
}

// The text in the quotes behind `words`.
std::string quoted_after(std::string_view text, std::string_view words) {
  const std::size_t found = text.find(words);
  if (found == std::string_view::npos) return {};
  const std::size_t begin = found + words.size();
  const std::size_t end = text.find_first_of("'\"", begin);
  return end == std::string_view::npos ? std::string() : std::string(text.substr(begin, end - begin));
}

std::optional<Document> first_write_error(const Document& reply) {
  const auto errors = schema::field(reply, "writeErrors");
  const auto list = errors ? errors->document() : std::nullopt;
  const auto first = list ? schema::field(*list, "0") : std::nullopt;
  return first ? first->document() : std::nullopt;
}

}  // namespace

std::string without_values(std::string_view message, std::string_view known) {
  std::string cut;
  for (const std::string_view before : kBeforeValue) {
    const std::size_t at = message.find(before);
    if (at != std::string_view::npos) message = message.substr(0, at + before.size() - 1);
  }
  for (std::size_t at = 0; at < message.size();) {
    const auto after = after_value(message, at);
    if (!after) {
      cut += message[at++];
      continue;
    }
    const std::string_view whole = message.substr(at, *after - at);
    const bool enclosed = whole.size() >= 2 && whole.back() == closing(whole.front()) && !is_word(whole.front());
    const std::string_view inside = enclosed ? whole.substr(1, whole.size() - 2) : whole;
    const bool name = message.substr(0, at).ends_with("ndex ");  // "Index 'username_1'" of FerretDB
    if (name || (!is_word(whole.front()) && whole.front() != '{' && holds(known, trimmed(inside)))) {
      cut += whole;
    } else if (is_word(whole.front())) {
      cut += kHidden;
    } else {
      cut += whole.front();
      cut += kHidden;
      cut += closing(whole.front());
    }
    at = *after;
  }
  return cut;
}

bool quotes_documents(const core::Failure& failure) {
  if (failure.domain != core::Domain::kServer) return false;
  const core::ServerRule* rule = core::rule_for(failure);
  // A code that nobody knows may be about documents where documents are looked at.
  if (rule == nullptr) return core::declares(failure.doing);
  return readygate::origin(rule->reason) == Origin::kDocuments || failure.doing == Doing::kSeed ||
         failure.doing == Doing::kMigrate;
}

core::NamedDocument named_document(std::string_view message, const std::optional<Document>& error_info) {
  core::NamedDocument named;
  if (error_info) {
    if (const auto id = schema::field(*error_info, "failingDocumentId")) named.id = id->to_json();
    if (const auto path = schema::field(*error_info, "failingPath")) named.path = path->string().value_or("");
  }
  for (const std::string_view begin : {"{ _id: ", "{_id: ", "{'_id': ", "{ \"_id\" : ", "{\"_id\": "}) {
    if (named.id.empty()) named.id = value_of(message, begin);
  }
  for (const std::string_view before : {"on field '", "has the field '", "field: \""}) {
    if (named.path.empty()) named.path = quoted_after(message, before);
  }
  return named;
}

core::Failure told(core::Failure failure, const Document& reply, const bson_t& command) {
  if (!quotes_documents(failure)) return failure;
  const Document error = first_write_error(reply).value_or(reply);
  // The driver keeps 500 bytes of a message: the server's own may name more.
  const auto whole = schema::field(error, "errmsg");
  const std::string message = whole ? whole->string().value_or(failure.message) : failure.message;
  const auto info = schema::field(error, "errInfo");
  failure.document = named_document(message, info ? info->document() : std::nullopt);
  failure.message = without_values(message, Document(command).to_json());
  return failure;
}

}  // namespace readygate::mongo
