// A BSON document by value: the form in which options, validators and commands travel from the schema file to the
// server and back from its catalog. libbson is used for nothing but this; nothing here does I/O.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <bson/bson.h>

#include "base/error.h"

namespace readygate::schema {

// MongoDB keeps no more than 100 levels, and refuses BSON of more than 200 (bson_depth.h); libbson writes no more than
// that as JSON.
inline constexpr std::size_t kMaxNesting = 180;

class Document {
 public:
  Document();                              // {}
  explicit Document(const bson_t& other);  // copies
  Document(const Document& other);
  Document& operator=(const Document& other);
  Document(Document&&) noexcept = default;
  Document& operator=(Document&&) noexcept = default;
  ~Document() = default;

  // MongoDB Extended JSON v2, relaxed or canonical. Fails with kSchemaInvalid and libbson's sentence; arrays at the top
  // become documents with the keys "0", "1", … as in BSON. A name given twice or an integer over 64 bits is a failure.
  static Result<Document> from_json(std::string_view json);

  // Valid as long as this object. Not const where libbson's append functions want it so.
  const bson_t* get() const { return bson_.get(); }
  bson_t* get() { return bson_.get(); }

  bool empty() const;
  bool has(std::string_view field) const;
  // Whether documents and arrays in it nest deeper than kMaxNesting. What walks a document is recursive, so one that
  // comes from a server is asked first; Extended JSON is held to 100 levels by libbson.
  bool too_deep() const;
  // Whether every part of it is BSON: the driver looks at the lengths alone, and libbson trusts the rest. Not too deep.
  bool whole() const;
  std::string to_json() const;            // relaxed Extended JSON, for people
  std::string to_canonical_json() const;  // canonical Extended JSON, for hashes

 private:
  // Not unique_ptr<bson_t>: the type's alignment attribute is not allowed on a template argument.
  struct Destroy {
    using pointer = bson_t*;
    void operator()(bson_t* bson) const { bson_destroy(bson); }
  };
  std::unique_ptr<void, Destroy> bson_;  // never null, but in an object that was moved from
};

// Equal after normalisation: numbers by value across int32, int64 and double; field order ignored, at every depth,
// unless `ordered` (index keys, pipelines). Arrays are always ordered.
enum class FieldOrder { kIgnored, kMatters };
bool same(const Document& a, const Document& b, FieldOrder order = FieldOrder::kIgnored);

}  // namespace readygate::schema
