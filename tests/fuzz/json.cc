#include <string>

#include "expect.h"
#include "schema/document.h"
#include "targets.h"

namespace readygate::fuzz {

void json(std::string_view input) {
  const auto document = schema::Document::from_json(input);
  if (!document) {
    expect(!document.error().message.empty(), "a refusal says why");
    return;
  }
  expect(schema::same(*document, *document, schema::FieldOrder::kMatters), "it equals itself");
  static_cast<void>(document->to_json());
  const std::string text = document->to_canonical_json();
  const auto again = schema::Document::from_json(text);
  expect(again.has_value(), "what is written can be read", text);
  expect(schema::same(*document, *again, schema::FieldOrder::kMatters), "and says the same", text);
}

}  // namespace readygate::fuzz
