// See script.h.
#include "scripted_server/script.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace readygate::scripted {

namespace {

// What a log entry copies from its command: small, and enough to tell who sent it and how.
constexpr std::array<std::string_view, 9> kLogged = {"lsid",        "comment",      "writeConcern",
                                                     "readConcern", "txnNumber",    "maxTimeMS",
                                                     "filter",      "commitQuorum", "startTransaction"};

bool is_hello(const std::string& name) { return name == "hello" || name == "isMaster" || name == "ismaster"; }

Doc scripted_error(const Doc& declared) {
  const auto code = static_cast<std::int32_t>(declared.integer("code"));
  const std::string message = declared.has("errmsg") ? declared.text("errmsg") : code_name(code);
  return error_reply(code, message, declared.without({"code", "errmsg"}));
}

}  // namespace

tl::expected<int, std::string> Script::add(const Doc& rule) {
  Rule added;
  bool acts = false;
  for (const Field& field : rule.fields()) {
    const auto key = field.key();
    Fault& fault = added.fault;
    if (key == "on") {
      added.on = std::string(field.text());
    } else if (key == "times") {
      added.times = field.integer();
    } else if (key == "skip") {
      added.skip = field.integer();
    } else if (key == "match") {
      added.match = field.document();
    } else {
      acts = true;
      if (key == "latency_ms") {
        fault.latency = std::chrono::milliseconds(field.integer());
      } else if (key == "hang") {
        fault.hang = field.truthy();
      } else if (key == "disconnect" && field.text() == "before") {
        fault.disconnect = Fault::Disconnect::kBefore;
      } else if (key == "disconnect" && field.text() == "after") {
        fault.disconnect = Fault::Disconnect::kAfter;
      } else if (key == "reply") {
        fault.reply = field.document();
      } else if (key == "error") {
        fault.reply = scripted_error(field.document());
      } else if (key == "merge") {
        fault.merge = field.document();
      } else if (key == "hang_after") {
        fault.hang_after = field.truthy();
      } else if (key == "hang_mid_answer") {
        fault.hang_mid_answer = field.truthy();
      } else if (key == "tls_alert") {
        fault.tls_alert = field.truthy();
      } else {
        return tl::unexpected("unknown action or value: " + std::string(key));
      }
    }
  }
  if (added.on.empty()) return tl::unexpected(std::string("a rule needs \"on\": a command, \"*\" or \"accept\""));
  if (!acts) return tl::unexpected(std::string("a rule needs an action"));
  added.number = next_number_++;
  rules_.push_back(added);
  return added.number;
}

void Script::remove(int number) {
  std::erase_if(rules_, [&](const Rule& rule) { return rule.number == number; });
}

Fault Script::take(const std::string& name, const Doc& command) {
  for (auto rule = rules_.begin(); rule != rules_.end(); ++rule) {
    const bool every = rule->on == "*" && name != "accept" && !is_hello(name);
    const bool hello = rule->on == "hello" && is_hello(name);  // under its old names too
    if (rule->on != name && !every && !hello) continue;
    const auto wanted = rule->match.fields();
    const bool matches = std::ranges::all_of(wanted, [&](const Field& field) {
      const auto actual = command.find_path(field.key());
      return actual && actual->same(field);
    });
    if (!matches) continue;
    if (rule->skip > 0) {
      --rule->skip;
      continue;
    }
    Fault fault = rule->fault;
    if (rule->times > 0 && --rule->times == 0) rules_.erase(rule);
    return fault;
  }
  return {};
}

Fault Script::command(std::int32_t connection, const std::string& database, const Doc& command) {
  const auto first = command.first();
  const std::string name = first ? std::string(first->key()) : std::string();
  ++counts_[name];
  Doc entry;
  entry.add("name", name).add("db", database).add("connection", connection);
  if (first && first->is_text()) entry.add("target", first->text());
  for (const auto key : kLogged) {
    if (const auto field = command.find(key)) entry.add(*field);
  }
  if (is_hello(name)) entry.add("app", command.document("client").document("application").text("name"));
  log_.push_back(entry);
  return take(name, command);
}

Fault Script::accept() {
  ++counts_["accept"];
  return take("accept", Doc());
}

Doc Script::counts() const {
  Doc counts;
  for (const auto& [name, count] : counts_) counts.add(name, count);
  return counts;
}

void Script::forget_log() {
  counts_.clear();
  log_.clear();
}

}  // namespace readygate::scripted
