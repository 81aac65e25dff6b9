// The [webhook] and [otlp] tables: what the keys alone cannot say.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "config/settings.h"
#include "toml/keys.h"

namespace readygate::config {

// Says what is wrong with the key of a section.
using Wrong = std::function<void(std::string_view section, std::string_view key, std::string message)>;
void check_telemetry(const toml::Reader& root, const Wrong& wrong);

// Of tables without such mistakes.
Settings::Webhook read_webhook(const toml::Reader& table);
Settings::Otlp read_otlp(const toml::Reader& table);

}  // namespace readygate::config
