// From what libmongoc reports to what the core judges. The driver's numbers collide with the server's, and its reports
// on connections are sentences of another sentence; this is the only place that knows either.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <bson/bson.h>

#include "core/failure.h"

namespace readygate::mongo {

// What the driver set, and the server's reply if there is one (may be null). The error API must be version 2.
core::Failure failure_from(const bson_error_t& error, const bson_t* reply, core::Doing doing);

// The failure of a call on a connection that nobody logged in on. Where the server refuses for that reason, it is a
// missing user and no missing privilege; the server's own words, which may quote the command, are left out.
core::Failure as_nobody(core::Failure failure);

// A reply with ok: 1 may still say that the write did not happen (writeErrors) or is not yet safe (writeConcernError).
// True when it does, and then `failure` is set.
bool write_failed(const bson_t& reply, core::Doing doing, core::Failure& failure);

// The domain of a sentence, where the driver gives nothing better: it wraps the reason of a failed connection as text.
struct Phrase {
  std::string_view part;  // looked for anywhere in the sentence; the first line of the table that fits wins
  core::Domain domain;
  std::string_view seen_in;  // versions of libmongoc whose source or behaviour shows it
};
std::span<const Phrase> phrases();
core::Domain domain_of_sentence(std::string_view sentence, core::Domain otherwise);

// Domains that say that there was no connection, whatever was to be done on it.
bool concerns_connection(core::Domain domain);

}  // namespace readygate::mongo
