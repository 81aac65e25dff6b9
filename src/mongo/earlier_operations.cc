// https://www.mongodb.com/docs/manual/reference/command/killOp/
#include "mongo/earlier_operations.h"

#include <chrono>
#include <optional>
#include <set>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/earlier.h"
#include "mongo/commands.h"
#include "mongo/current_operations.h"
#include "schema/fields.h"

namespace readygate::mongo {

namespace {

using core::Doing;
using core::Treatment;
using schema::append;
using schema::Document;

constexpr Millis kAskAgain{100};
// Commands with a comment; whose it is, the core tells.
Document commented() {
  Document text;
  append(text, "$type", "string");
  Document match;
  append(match, "command.comment", text);
  return match;
}

Treatment treatment_of(const Document& entry, const std::string& database, const core::AwaitEarlier& work) {
  const auto field = schema::field(entry, "command");
  const auto command = field ? field->document() : std::nullopt;
  if (!command || command->empty() || schema::text_at(*command, "$db") != database) return Treatment::kLeave;
  const schema::Field first = schema::fields(*command).front();
  const core::Operation operation{std::string(first.name()), first.string().value_or(""),
                                  schema::text_at(*command, "comment")};
  return core::treatment(operation, work.token, work.collections);
}

// The number, or the shard's name and number, in JSON.
bool end(Client& client, const schema::Field& opid) {
  Document command;
  append(command, "killOp", 1);
  append(command, "op", opid);
  return run(client, Sort::kPlain, "admin", command.get(), nullptr, Doing::kModify).has_value();
}

}  // namespace

core::EarlierGone await_earlier(Client& client, const std::string& database, const core::AwaitEarlier& work) {
  core::EarlierGone gone;
  std::set<std::string> told;
  const auto started = std::chrono::steady_clock::now();
  for (;;) {
    gone.left = 0;
    const auto found = current_operations(client, commented(), Doing::kModify);
    for (const Document& entry : found.value_or(std::vector<Document>())) {
      const Treatment treatment = treatment_of(entry, database, work);
      if (treatment == Treatment::kLeave) continue;
      ++gone.left;
      const auto opid = schema::field(entry, "opid");
      if (treatment == Treatment::kEnd && opid && told.insert(opid->to_json()).second && end(client, *opid)) {
        ++gone.ended;
      }
    }
    if (gone.left == 0 || std::chrono::steady_clock::now() - started >= work.limit) return gone;
    std::this_thread::sleep_for(kAskAgain);
  }
}

}  // namespace readygate::mongo
