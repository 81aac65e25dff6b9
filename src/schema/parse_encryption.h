// `encryptedFields` of a schema file: what the server would refuse is refused here, with the place of the field.
#pragma once

#include <optional>
#include <string>

#include "schema/document.h"
#include "schema/json_source.h"
#include "toml/tree.h"

namespace readygate::schema {

// `document` is what `json` says; `what` begins the sentence of a mistake, as in parse_values.h. `collection`: whose
// fields these are.
void check_encryption(const Document& document, const JsonText& json, const std::string& what,
                      const std::string& collection, toml::Mistakes& mistakes);

}  // namespace readygate::schema
