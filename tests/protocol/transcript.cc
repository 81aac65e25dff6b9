#include "transcript.h"

#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>

#include "base/duration.h"
#include "rig.h"

namespace readygate::server::testing {
namespace {

std::string unescape(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    if (c == 'x' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      out += c == 'r' ? '\r' : c == 'n' ? '\n' : c;
    }
  }
  return out;
}

std::string visible(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '\r' ? "\\r" : c == '\n' ? "\\n\n    " : std::string(1, c);
  return out;
}

core::State state_from(const std::string& text) {
  for (int i = 0; i < core::kStateCount; ++i) {
    if (core::name(static_cast<core::State>(i)) == text) return static_cast<core::State>(i);
  }
  throw std::runtime_error("no state is called " + text);
}

class Player {
 public:
  Player() {
    ServerCallbacks callbacks;
    callbacks.retry = [this] { posted("retry"); };
    callbacks.drain = [this](Millis) { posted("drain"); };
    callbacks.undrain = [this] { posted("undrain"); };
    rig_.emplace(Limits{}, std::move(callbacks));
    publish(sample(core::State::kConnecting, false, false));
  }

  std::string line(const std::string& text) {
    if (text.empty() || text[0] == '#') return finish_expected();
    std::istringstream words(text);
    std::string first;
    words >> first;
    if (first == "via" || first == "eol") {
      std::string value;
      words >> value;
      (first == "via" ? via_ : eol_) = value;
      return "";
    }
    if (first == "!") {
      const std::string wrong = finish_expected();
      command(words);
      return wrong;
    }
    return exchange(text);
  }

  std::string finish_expected() {
    if (expected_.empty()) return "";
    const std::string wanted = std::exchange(expected_, "");
    const std::string got = client(expecting_).receive(wanted.size());
    if (got == wanted) return "";
    return "expected\n    " + visible(wanted) + "\ngot\n    " + visible(got);
  }

 private:
  void publish(core::Snapshot snapshot) {
    snapshot.seq = ++seq_;
    now_ = testing::published(snapshot);
    rig_->server->publish(now_);
  }

  void posted(const std::string& verb) {
    if (const auto found = on_post_.find(verb); found != on_post_.end()) publish(found->second);
  }

  static core::Snapshot read_sample(std::istringstream& words) {
    std::string state;
    words >> state;
    bool initialized = false;
    bool reachable = false;
    bool drained = false;
    for (std::string word; words >> word;) {
      if (word == "initialized")
        initialized = true;
      else if (word == "reachable")
        reachable = true;
      else if (word == "drained")
        drained = true;
      else
        throw std::runtime_error("what is " + word + "?");
    }
    core::Snapshot snapshot = sample(state_from(state), initialized, reachable);
    if (drained) {
      snapshot.facts = core::derive({snapshot.state, initialized, reachable, true, true}, core::ReadyPolicy::kLive);
      snapshot.code = Reason::kDraining;
    }
    return snapshot;
  }

  void command(std::istringstream& words) {
    std::string verb;
    words >> verb;
    if (verb == "state") {
      publish(read_sample(words));
      rig_->turn();
    } else if (verb == "advance") {
      std::string duration;
      words >> duration;
      rig_->advance(parse_duration(duration).value());
    } else if (verb == "on") {
      std::string posted_verb, state;
      words >> posted_verb >> state;
      on_post_[posted_verb] = read_sample(words);
    } else {
      throw std::runtime_error("what is ! " + verb + "?");
    }
  }

  std::string exchange(const std::string& text) {
    const std::size_t arrow = text.find_first_of("<>");
    if (arrow > 1) throw std::runtime_error("what is this line?");
    const std::string who = text.substr(0, arrow);
    const std::string rest = text.substr(arrow + 1);
    const bool raw = rest.rfind("=", 0) == 0;
    std::string content = rest.substr(raw ? 1 : 0);
    if (content.rfind(" ", 0) == 0) content.erase(0, 1);
    if (text[arrow] == '>') {
      const std::string wrong = finish_expected();
      client(who).send(raw ? unescape(content) : content + (eol_ == "lf" ? "\n" : "\r\n"));
      rig_->turn();
      return wrong;
    }
    if (rest == "eof") {
      const std::string wrong = finish_expected();
      return !wrong.empty() ? wrong : client(who).ended() ? "" : "the server did not close";
    }
    if (rest == "nothing") {
      const std::string wrong = finish_expected();
      return !wrong.empty() ? wrong : client(who).silent() ? "" : "something came: " + client(who).receive(4096);
    }
    std::string wrong;
    if (who != expecting_) wrong = finish_expected();
    expecting_ = who;
    content = fill_in(content);
    if (raw) {
      expected_ += unescape(content);
      return wrong;
    }
    if (content.rfind("HTTP/1.1 ", 0) == 0) in_head_ = true;
    expected_ += content + (in_head_ ? "\r\n" : "\n");
    if (content.empty()) in_head_ = false;
    return wrong;
  }

  std::string fill_in(std::string text) const {
    const auto replace = [&](const std::string& name, const std::string& value) {
      for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + value.size())) {
        text.replace(at, name.size(), value);
      }
    };
    replace("{full}", now_->full);
    replace("{public}", now_->open);
    replace("{chunk}", fmt::format("{:x}", now_->full.size() + 1));
    replace("{seq}", std::to_string(now_->seq));
    const std::string start = "{len:";
    if (const std::size_t at = text.find(start); at != std::string::npos) {
      const std::size_t length = text.size() - at - start.size() - 1;  // it stands at the end of its line
      text = text.substr(0, at) + std::to_string(length + 1);
    }
    return text;
  }

  Client& client(const std::string& who) {
    auto found = clients_.find(who);
    if (found == clients_.end()) {
      found = clients_.emplace(who, via_ == "tcp" ? rig_->tcp() : rig_->local()).first;
    }
    return found->second;
  }

  std::optional<Rig> rig_;
  std::uint64_t seq_ = 0;
  std::shared_ptr<const core::Published> now_;
  std::map<std::string, core::Snapshot> on_post_;
  std::map<std::string, Client> clients_;
  std::string via_ = "unix";
  std::string eol_ = "crlf";
  std::string expecting_;
  std::string expected_;
  bool in_head_ = false;
};

}  // namespace

std::string play(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) return file + ": cannot be read";
  Player player;
  std::string text;
  for (int number = 1;; ++number) {
    const bool more = static_cast<bool>(std::getline(stream, text));
    std::string wrong;
    try {
      wrong = more ? player.line(text) : player.finish_expected();
    } catch (const std::exception& error) {
      wrong = error.what();
    }
    if (!wrong.empty()) return file + ":" + std::to_string(number) + ": " + wrong;
    if (!more) return "";
  }
}

}  // namespace readygate::server::testing
