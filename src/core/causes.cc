#include "core/causes.h"

#include <utility>

namespace readygate::core {

Why why_of(const Judgement& judgement) { return {judgement.reason, judgement.sentence, judgement.origin}; }

void Causes::primary(std::optional<Why> why_none) {
  no_primary_ = std::move(why_none);
  newest_is_ping_ = !no_primary_;
}

void Causes::ping(std::optional<Why> why_not) {
  no_answer_ = std::move(why_not);
  newest_is_ping_ = no_answer_.has_value();
}

}  // namespace readygate::core
