// What of a server's message may be told. A server quotes what it looked at: whole documents, keys, values. They may be
// anyone's data, and a message goes to logs, to the status and to a webhook. So of an answer that is about documents
// only the words stay, and what the command itself holds, which stands in the schema file anyway.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <bson/bson.h>

#include "core/failure.h"
#include "schema/document.h"

namespace readygate::mongo {

// The message with "…" in place of each document, list, quoted text and number. A text that `known` holds as a whole
// stays, as names of collections, indexes and fields do. `known`: the command as JSON, or "".
std::string without_values(std::string_view message, std::string_view known);

// Whether the failure's message is about documents, so that without_values() has to be asked.
bool quotes_documents(const core::Failure& failure);

// The document that the server names, in errInfo or in its words.
core::NamedDocument named_document(std::string_view message, const std::optional<schema::Document>& error_info);

// The failure that a command met, with what may be told of it: its document named, its values left out.
core::Failure told(core::Failure failure, const schema::Document& reply, const bson_t& command);

}  // namespace readygate::mongo
