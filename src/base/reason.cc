#include "base/reason.h"

#include <array>
#include <cstddef>

namespace readygate {
namespace {

constexpr std::array kTexts = {
#define READYGATE_REASON_TEXT(enumerator, name, origin, meaning, advice) \
  ReasonText{name, Origin::origin, meaning, advice},
    READYGATE_REASONS(READYGATE_REASON_TEXT)
#undef READYGATE_REASON_TEXT
};

constexpr std::array<std::string_view, 5> kOrigins = {"none", "documents", "declaration", "account", "server"};

}  // namespace

std::string_view name(Origin origin) { return kOrigins.at(static_cast<std::size_t>(origin)); }

const ReasonText& text(Reason reason) { return kTexts.at(static_cast<std::size_t>(reason)); }

std::vector<Reason> all_reasons() {
  std::vector<Reason> all;
  all.reserve(kTexts.size());
  for (std::size_t i = 0; i < kTexts.size(); ++i) all.push_back(static_cast<Reason>(i));
  return all;
}

}  // namespace readygate
