// Whether a text is JSON (RFC 8259), whatever it means. Extended JSON is narrower: libbson writes dates that it does
// not read, and reads no more than 100 levels.
#pragma once

#include <cstddef>
#include <string_view>

namespace readygate::fuzz {

class PlainJson {
 public:
  static bool holds(std::string_view text) {
    PlainJson json(text);
    return json.value() && json.skipped() == text.size();
  }

 private:
  explicit PlainJson(std::string_view text) : text_(text) {}

  std::size_t skipped() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
    return at_;
  }
  bool take(char c) {
    if (skipped() >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool word(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  bool string() {
    if (!take('"')) return false;
    for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (static_cast<unsigned char>(text_[at_]) < 0x20) return false;
      if (text_[at_] == '\\') ++at_;
    }
    return take('"');
  }

  bool members(char end, bool named) {
    if (take(end)) return true;
    do {
      if (named && !(string() && take(':'))) return false;
      if (!value()) return false;
    } while (take(','));
    return take(end);
  }

  bool value() {
    skipped();
    if (take('{')) return members('}', true);
    if (take('[')) return members(']', false);
    if (at_ < text_.size() && text_[at_] == '"') return string();
    if (word("true") || word("false") || word("null")) return true;
    const std::size_t begin = at_;
    while (at_ < text_.size() && std::string_view("+-.0123456789eE").find(text_[at_]) != std::string_view::npos) ++at_;
    return at_ > begin;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace readygate::fuzz
