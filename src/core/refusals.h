// Answers that are not known to pass. The first may be chance; the second of the same kind to the same step is a
// refusal, and waiting cannot mend it. So no step is sent more than twice before somebody is told, however large the
// collection is that each attempt reads.
#pragma once

#include <set>
#include <string>

#include "core/failure.h"

namespace readygate::core {

class Refusals {
 public:
  // kOnceMore becomes kTransient the first time, kPermanent from then on; others stay as they are.
  Judgement weigh(Judgement judgement) {
    if (judgement.verdict != Verdict::kOnceMore) return judgement;
    judgement.verdict = seen_.insert(judgement.answer).second ? Verdict::kTransient : Verdict::kPermanent;
    return judgement;
  }
  // What was refused has been done since.
  void clear() { seen_.clear(); }

 private:
  std::set<std::string> seen_;  // Judgement::answer; at most one for each step of a plan and code
};

}  // namespace readygate::core
