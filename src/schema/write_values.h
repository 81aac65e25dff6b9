// Values of a catalog in the words of the schema file: the way back from parse_values.h. Each is TOML text on its own.
#pragma once

#include <cstdint>
#include <string>

#include "schema/document.h"

namespace readygate::schema {

// Extended JSON in a TOML string: on one line where it is short, else over several.
std::string json_text(const Document& document);
std::string json_array_text(const Document& array);

std::string seconds_text(std::int64_t seconds);         // "30m", or a number where a duration cannot say it
std::string number_text(double number);                 // 90.5, 26.0 as 26
std::string collation_text(const Document& collation);  // { locale = "en", strength = 2 }

}  // namespace readygate::schema
