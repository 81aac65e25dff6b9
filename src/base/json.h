// Writing JSON, one object after the other, into a string. Reading is libbson's work, where it is needed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace readygate {

// `text` as a JSON string with its quotes (RFC 8259). Bytes that are not UTF-8 become U+FFFD: a log line stays valid
// JSON whatever a server's error message holds.
std::string json_quote(std::string_view text);

// Builds one JSON text. Commas are its business; nesting is the caller's: each begin has its end. Keys are ours and are
// written as they are.
class JsonWriter {
 public:
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool flag);
  JsonWriter& value(std::int64_t number);
  JsonWriter& value(int number) { return value(static_cast<std::int64_t>(number)); }
  JsonWriter& null();
  JsonWriter& raw(std::string_view json);  // `json` must be one valid JSON value

  template <typename T>
  JsonWriter& field(std::string_view name, const T& what) {
    return key(name).value(what);
  }

  const std::string& text() const { return out_; }
  std::string take() { return std::move(out_); }

 private:
  void separate();

  std::string out_;
  bool need_comma_ = false;
};

}  // namespace readygate
