// The [[check]] tables: what the keys alone cannot say, and their settings.
#pragma once

#include <string_view>
#include <vector>

#include "config/settings.h"
#include "toml/keys.h"

namespace readygate::config {

// Adds a mistake, at its place, for each name that is taken or not one, and each target that is not one of its kind.
void check_checks(const toml::Reader& root, toml::Mistakes& mistakes);

// Of a file without such mistakes.
std::vector<Check> read_checks(const toml::Reader& root);

// Whether it is http://host… or https://host…, without a user, spaces or control characters.
bool valid_url(std::string_view url);

}  // namespace readygate::config
