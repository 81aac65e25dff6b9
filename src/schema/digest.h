// SHA-256 and hex, for the hash of a schema and the checksums of its seeds and migrations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace readygate::schema {

std::string hex(const std::uint8_t* data, std::size_t size);  // lower case
std::string sha256(std::string_view text);                    // 64 hex digits

}  // namespace readygate::schema
