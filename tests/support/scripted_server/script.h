// Misbehaviour on command: a list of rules, each "when this command comes, do that instead", and the record of what
// came.
//
// Pure: it decides and counts, the connection carries out. The rules arrive as JSON; what is misspelt is refused, so
// that a test cannot pass because its fault never happened.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scripted_server/failure.h"

namespace readygate::scripted {

/// What to do with one command. Fields are looked at in this order.
struct Fault {
  std::chrono::milliseconds latency{0};  // sleep first
  bool hang = false;                     // before executing; goes on as usual when released
  enum class Disconnect { kNo, kBefore, kAfter } disconnect = Disconnect::kNo;
  std::optional<Doc> reply;      // instead of executing; an error is such a reply
  std::optional<Doc> merge;      // over the reply of the execution, such as a writeConcernError
  bool hang_after = false;       // executed, the answer waits for a release
  bool hang_mid_answer = false;  // executed, half of the answer is sent, the rest waits for a release
  bool tls_alert = false;        // answered with a TLS alert and a close, as a TLS listener does to plain text
};

class Script {
 public:
  /// `{"on": "createIndexes", "times": 1, "skip": 0, "match": {...}, <action>: ...}`; see README.md for the actions.
  /// "on" is a command's name, "*" for every command but hello, or "accept" for a connection before it is read.
  /// Returns the rule's number, or what is wrong with it.
  tl::expected<int, std::string> add(const Doc& rule);
  void remove(int number);
  void clear() { rules_.clear(); }

  /// Records the command and takes the first rule that applies.
  Fault command(std::int32_t connection, const std::string& database, const Doc& command);
  Fault accept();

  Doc counts() const;                            // {"hello": 3, …}
  std::vector<Doc> log() const { return log_; }  // {name, db, target, connection, lsid?, comment?, writeConcern?, …}
  void forget_log();

 private:
  struct Rule {
    int number = 0;
    std::string on;
    Doc match;                // each field must be there and equal
    std::int64_t times = -1;  // how often it still applies; -1 always
    std::int64_t skip = 0;    // how many matches it lets pass first
    Fault fault;
  };
  Fault take(const std::string& name, const Doc& command);

  std::list<Rule> rules_;
  int next_number_ = 1;
  std::map<std::string, std::int32_t> counts_;
  std::vector<Doc> log_;
};

}  // namespace readygate::scripted
