// The client side of the gate's Unix socket, as `readygate wait` and `readygate status` need it: blocking, with a
// deadline on everything, and no event loop.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "schema/document.h"

namespace readygate::cli {

// A connected, non-blocking descriptor. Fails with kSocketPath when the path cannot be one (retrying cannot help), else
// with kGateUnreachable and a sentence: no such socket, refused, not permitted, too many at once.
Result<UniqueFd> connect_gate(const std::string& path);

// Sends `request` and reads to the end of the stream, at most until `limit` from now and 1 MiB. Fails with
// kGateUnreachable.
Result<std::string> ask_gate(const std::string& path, std::string_view request, Millis limit, const Clock& clock);

// The full snapshot. Fails with kGateUnreachable, also when the answer is no snapshot.
Result<schema::Document> ask_status(const std::string& path, Millis limit, const Clock& clock);

// A field of a JSON document by its dotted path; none when it is not there or of another type.
std::optional<std::string> text_at(const schema::Document& json, const char* path);
std::optional<bool> flag_at(const schema::Document& json, const char* path);
std::optional<std::int64_t> number_at(const schema::Document& json, const char* path);

}  // namespace readygate::cli
