#include "transcript.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <unistd.h>

#include "base/duration.h"
#include "rig.h"

namespace readygate::server::testing {
namespace {

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    const char c = ++i < text.size() ? text[i] : '\0';
    if (c == 'x' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else if (c == 'r' || c == 'n' || c == '\\') {
      out += c == 'r' ? '\r' : c == 'n' ? '\n' : c;
    } else {
      throw std::runtime_error("an escape is \\r, \\n, \\\\ or \\xNN");
    }
  }
  return out;
}

std::string visible(std::string_view text) {
  std::string out = "    ";
  for (const char c : text) out += c == '\r' ? "\\r" : c == '\n' ? "\\n\n    " : std::string(1, c);
  return out;
}

core::State state_from(std::string_view text) {
  for (int i = 0; i < core::kStateCount; ++i) {
    if (core::name(static_cast<core::State>(i)) == text) return static_cast<core::State>(i);
  }
  throw std::runtime_error("no state is called " + std::string(text));
}

// Takes `start` off the beginning of `text`.
bool take(std::string_view& text, std::string_view start) {
  if (text.substr(0, start.size()) != start) return false;
  text.remove_prefix(start.size());
  return true;
}

// "" and " to A" -> "" and "A".
std::string letter(std::string_view text) {
  take(text, " to");
  take(text, " of");
  take(text, " on");
  if (text.empty()) return "";
  if (text.size() == 2 && text[0] == ' ' && text[1] >= 'A' && text[1] <= 'Z') return std::string(1, text[1]);
  throw std::runtime_error("what is" + std::string(text) + "?");
}

core::Snapshot read_state(std::string_view text) {
  const std::size_t colon = text.find(": ");
  const core::State state = state_from(text.substr(0, colon));
  bool initialized = false;
  bool reachable = false;
  bool drained = false;
  bool unanswered = false;
  for (std::string_view rest = colon == std::string_view::npos ? "" : text.substr(colon + 2); !rest.empty();) {
    const std::size_t comma = std::min(rest.find(", "), rest.size());
    const std::string_view word = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 2, rest.size()));
    bool* const said = word == "initialized"  ? &initialized
                       : word == "reachable"  ? &reachable
                       : word == "drained"    ? &drained
                       : word == "unanswered" ? &unanswered
                                              : nullptr;
    if (said == nullptr) throw std::runtime_error("what is " + std::string(word) + "?");
    *said = true;
  }
  core::Snapshot snapshot = sample(state, initialized, reachable);
  if (drained) {
    snapshot.facts = core::derive({state, initialized, reachable, true, true}, core::ReadyPolicy::kLive);
    snapshot.code = Reason::kDraining;
  }
  if (unanswered) {
    snapshot.code = snapshot.checks.back().reason = Reason::kNoPrimary;
    snapshot.origin = origin(snapshot.code);
    snapshot.reason = "No writable primary is known. The gate closes when this lasts for 30s (gate.unready_after).";
  }
  return snapshot;
}

// One exchange. Bytes are sent, and answers compared, when a line of another kind follows: so how an answer is broken
// over lines of the transcript changes nothing.
class Player {
 public:
  void line(std::string_view text) {
    const std::size_t arrow = text.find_first_of("<>");
    const bool bytes = arrow == 0 || (arrow == 1 && text[0] >= 'A' && text[0] <= 'Z');
    if (!bytes) {
      if (!take(text, "-- ")) throw std::runtime_error("what is this line?");
      return sentence(text);
    }
    const char direction = text[arrow];
    const std::string who(text.substr(0, arrow));
    text.remove_prefix(arrow + 1);
    if (!take(text, " ") || text.empty()) throw std::runtime_error("a space, and bytes, follow > and <");
    if (direction != direction_ || who != who_) settle();
    direction_ = direction;
    who_ = who;
    bytes_ += filled(unescape(text));
  }

  // Sends what is not sent yet, compares what is not compared yet.
  void settle() {
    const std::string bytes = std::exchange(bytes_, "");
    const char direction = std::exchange(direction_, '\0');
    if (direction == '>') {
      Client& client = this->client(who_);
      const std::uint64_t before = posted_;
      asked_ = bytes;
      client.send(bytes);
      rig().turn();
      if (!misled_.empty()) throw std::runtime_error("the request was taken for " + misled_);
      if (std::exchange(leads_to_, {}) && posted_ == before) throw std::runtime_error("the request changed nothing");
    } else if (direction == '<') {
      const std::string got = client(who_).receive(bytes.size());
      if (got != bytes) throw std::runtime_error("expected\n" + visible(bytes) + "\ngot\n" + visible(got));
    }
  }

  // What stands at the end: nobody got more than was told, or was left without it being told.
  void end() {
    settle();
    for (auto& [who, client] : clients_) {
      if (closed_.count(who) == 0) quiet(client);
    }
  }

 private:
  static void quiet(Client& client) {
    if (client.silent()) return;
    const std::string rest = client.receive(4096);
    throw std::runtime_error(rest.empty() ? "the gate closed" : "something came:\n" + visible(rest));
  }

  void sentence(std::string_view text) {
    if (take(text, "the gate is ")) {
      if (direction_ == '>' && bytes_.substr(0, 5) == "POST ") leads_to_ = read_state(text);
      const bool led = leads_to_.has_value();
      settle();
      if (!led) {
        publish(read_state(text));
        rig_->turn();
      }
      return;
    }
    settle();
    if (take(text, "over ")) {
      if (rig_) throw std::runtime_error("the transport is said once, first");
      tcp_ = text == "TCP";
      if (text == "the socket, as a user who may not change anything") {
        allowed_ = {::getuid() + 1};
      } else if (!tcp_ && text != "the socket") {
        throw std::runtime_error("over what?");
      }
    } else if (text == "at most one client waits") {
      limits_.waiters = 1;
    } else if (text == "at most one client watches") {
      limits_.watchers = 1;
    } else if (take(text, "nothing comes")) {
      quiet(client(letter(text)));
    } else if (take(text, "the client closes its writing half")) {
      client(letter(text)).half_close();
      rig().turn();
    } else if (take(text, "the gate closes")) {
      const std::string who = letter(text);
      if (!client(who).ended()) throw std::runtime_error("the gate did not close");
      closed_.insert(who);
    } else if (text.size() > 5 && text.substr(text.size() - 5) == " pass") {
      const std::optional<Millis> length = parse_duration(text.substr(0, text.size() - 5));
      if (!length) throw std::runtime_error("how long?");
      rig().advance(*length);
    } else {
      throw std::runtime_error("what is \"" + std::string(text) + "\"?");
    }
  }

  Rig& rig() {
    if (!rig_) throw std::runtime_error("nothing was said of the gate's state yet");
    return *rig_;
  }

  void publish(core::Snapshot snapshot) {
    if (!rig_) {
      ServerCallbacks callbacks;
      callbacks.retry = [this] {
        const core::State state = now_->state;
        posted("/v1/retry");
        const bool opened = state == core::State::kReady || state == core::State::kDegraded;
        return opened ? core::Retried::kNothing : core::Retried::kUnderWay;
      };
      callbacks.drain = [this](Millis) { posted("/v1/drain"); };
      callbacks.undrain = [this] { posted("/v1/undrain"); };
      rig_ = std::make_unique<Rig>(limits_, std::move(callbacks), allowed_);
    }
    snapshot.seq = ++seq_;
    now_ = testing::published(snapshot);
    rig_->server->publish(now_);
  }

  // The server calls for a request to `route`.
  void posted(std::string_view route) {
    ++posted_;
    if (!asked_.starts_with("POST " + std::string(route))) misled_ = route;
    if (leads_to_) publish(*leads_to_);
  }

  std::string filled(std::string text) const {
    constexpr std::string_view kName = "{full}";
    for (std::size_t at = text.find(kName); at != std::string::npos; at = text.find(kName, at + now_->full.size())) {
      text.replace(at, kName.size(), now_->full);
    }
    return text;
  }

  Client& client(const std::string& who) {
    auto found = clients_.find(who);
    if (found == clients_.end()) found = clients_.emplace(who, tcp_ ? rig().tcp() : rig().local()).first;
    return found->second;
  }

  Limits limits_;
  std::vector<uid_t> allowed_;
  std::unique_ptr<Rig> rig_;
  bool tcp_ = false;
  std::uint64_t seq_ = 0;
  std::shared_ptr<const core::Published> now_;
  std::uint64_t posted_ = 0;  // requests that changed something
  std::string asked_;         // what was sent last
  std::string misled_;
  std::optional<core::Snapshot> leads_to_;  // the state that the POST being sent leads to
  std::map<std::string, Client> clients_;
  std::set<std::string> closed_;
  // The bytes being collected, for which direction and client.
  std::string bytes_;
  char direction_ = '\0';
  std::string who_;
};

}  // namespace

std::vector<Exchange> play(const std::string& file) {
  std::vector<Exchange> all;
  std::unique_ptr<Player> player;
  std::ifstream stream(file);
  if (!stream) return {{file, file + ": cannot be read"}};
  std::string text;
  for (int number = 1;; ++number) {
    const bool more = static_cast<bool>(std::getline(stream, text));
    if (more && (text.empty() || text[0] == '#')) continue;
    const bool begins = more && text.rfind("=== ", 0) == 0;
    try {
      if (player && all.back().wrong.empty()) {
        if (more && !begins) {
          player->line(text);
        } else {
          player->end();
        }
      } else if (more && !begins && !player) {
        return {{file, file + ": does not begin with an exchange"}};
      }
    } catch (const std::exception& error) {
      all.back().wrong = file + ":" + std::to_string(number) + ": " + error.what();
    }
    if (!more) return all;
    if (begins) {
      player = std::make_unique<Player>();
      all.push_back({text.substr(4, text.find(": ") - 4), ""});
    }
  }
}

}  // namespace readygate::server::testing
