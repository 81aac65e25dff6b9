// The JSON Schema of what `readygate plan --format json` prints.
#pragma once

#include <string>

namespace readygate {

// On one line. The words (kinds, costs, effects) are those of schema/plan.h.
std::string plan_schema();

}  // namespace readygate
