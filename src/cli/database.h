// The database, for commands that read it once and end.
#pragma once

#include <memory>

#include <tl/expected.hpp>

#include "config/settings.h"
#include "core/failure.h"
#include "mongo/pool.h"

namespace readygate::cli {

// At most once in a process.
tl::expected<std::shared_ptr<mongo::Pool>, core::Failure> open_database(const config::Settings& settings);

// The failure in one line on stderr; the exit code to end with.
int report(const core::Failure& failure);

}  // namespace readygate::cli
