#include <string>

#include "expect.h"
#include "plain_json.h"
#include "schema/canonical.h"
#include "schema/options.h"
#include "schema/plan.h"
#include "targets.h"
#include "toml/format.h"

namespace readygate::fuzz {

void schema(std::string_view input) {
  // An absolute validator_file would be read from this machine, and the answer differ from one to the next.
  if (input.find("_file") != std::string_view::npos) return;
  const auto laid_out = toml::format(input, "f.toml", schema::kSchemaKeys);
  if (laid_out) {
    const auto again = toml::format(*laid_out, "f.toml", schema::kSchemaKeys);
    expect(again && *again == *laid_out, "formatting twice is formatting once", *laid_out);
  } else {
    for (const toml::Mistake& mistake : laid_out.error()) {
      expect(mistake.reason != Reason::kInternal, "what is TOML can be laid out", mistake.message);
    }
  }
  const auto parsed = schema::parse(input, "f.toml", "/nonexistent");
  if (!parsed) {
    expect(!toml::to_string(parsed.error()).empty(), "a refusal says why");
    return;
  }
  expect(laid_out.has_value(), "a schema is TOML");
  const auto same = schema::parse(*laid_out, "f.toml", "/nonexistent");
  expect(same && same->hash == parsed->hash, "formatting keeps the hash", *laid_out);
  expect(schema::canonical_hash(*parsed) == parsed->hash, "a hash is a hash");
  const schema::Plan plan = schema::diff(*parsed, schema::Catalog{});
  expect(PlainJson::holds(schema::render_json(plan)), "a plan is JSON");
  static_cast<void>(schema::render_text(plan, schema::Colour::kOn));
}

}  // namespace readygate::fuzz
