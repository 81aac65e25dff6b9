// Why servers that answer are of no use: they call themselves and each other by other names than the URI does.
// libmongoc drops such a server from its list without a word, and goes on to the names that it advertised.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <bson/bson.h>

#include "core/failure.h"
#include "mongo/target.h"

namespace readygate::mongo {

// What matters here of an answer to hello.
struct Answer {
  std::string set;  // the replica set's name; "" outside one
  bool mongos = false;
  bool ghost = false;  // of a replica set that is not initiated
  bool writable = false;
  std::string primary;               // as it knows it: "b:27017"; ""
  std::vector<std::string> members;  // the addresses that it advertises
};
Answer answer_of(const bson_t& hello);

using Answers = std::map<std::string, Answer>;           // by host, as shown
using Unreachable = std::map<std::string, std::string>;  // host, and why

// Domain::kSelection with advice; none where names are not the trouble.
std::optional<core::Failure> misaddressed(const Target& target, const Answers& answers, const Unreachable& unreachable);

// Whether the URI does not name this host, and a server that answered does.
bool advertised(const Target& target, const Answers& answers, const std::string& host);

// Advice for names that a replica set advertises and nobody answers to.
std::string reach_advertised();

}  // namespace readygate::mongo
