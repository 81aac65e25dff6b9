#include "base/printable.h"

#include <algorithm>
#include <cstddef>

#include "base/json.h"

namespace readygate {

std::string printable(std::string_view text) {
  std::string out;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    // Quotes and backslashes do no harm; json_quote would double them.
    const std::size_t end = std::min(text.find_first_of("\"\\", begin), text.size());
    const std::string piece = json_quote(text.substr(begin, end - begin));
    out += piece.substr(1, piece.size() - 2);
    if (end < text.size()) out += text[end];
    begin = end + 1;
  }
  return out;
}

std::string shortened(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U) --bytes;
  return std::string(text.substr(0, bytes)) + "…";
}

}  // namespace readygate
