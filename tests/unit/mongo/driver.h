// libmongoc, started once for this program.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mongo/driver.h"

namespace readygate::mongo::testing {

std::shared_ptr<Driver> driver();
std::vector<std::string>& logged();  // what the driver said aloud; for one thread

}  // namespace readygate::mongo::testing
