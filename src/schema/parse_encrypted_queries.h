// What an encrypted field may be queried for: the part of parse_encryption.h that is about `queries`.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/document.h"
#include "schema/fields.h"

namespace readygate::schema {

// A bsonType of an encrypted field, and what it can be queried for. Those that are none cannot be encrypted: there is
// one value of each.
struct EncryptedType {
  std::string_view name;
  bool equality;
  bool range;
};
const EncryptedType* find_encrypted_type(std::string_view name);  // null: it is none
std::vector<std::string_view> encrypted_type_names();

// Takes a mistake: where in the field it is (".queries[0].min", or ""), and what is wrong there.
using Complain = std::function<void(std::string_view inside, std::string_view wrong)>;

// Complains about each name in the document that is none of these.
void check_names(const Document& document, const std::string& inside, const std::vector<std::string_view>& names,
                 const Complain& complain);
std::string quoted_names(const std::vector<std::string_view>& names);  // "\"a\", \"b\""

// `queries` of a field of this type. Null: the type is not known, which was said.
void check_encrypted_queries(const Field& queries, const EncryptedType* type, const Complain& complain);

}  // namespace readygate::schema
