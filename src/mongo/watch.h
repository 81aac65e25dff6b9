// What the driver's monitors see: which servers there are, whether one of them takes writes, and why not. It is told by
// libmongoc on its threads, posts each change to an observer, and lends its knowledge to error messages: the driver's
// own wrap the reason in a sentence, or leave it out.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/sync.h"
#include "core/failure.h"
#include "core/work.h"
#include "mongo/addresses.h"
#include "mongo/diagnose.h"
#include "mongo/handles.h"
#include "mongo/target.h"

namespace readygate::mongo {

struct Observers {
  // A change of what the monitors see. Called on the driver's threads, in order, with a lock held: only post it.
  std::function<void(core::TopologyChanged)> topology;
  // The name of each command that is sent, but for the driver's own handshakes. For tests and debugging; may be empty.
  std::function<void(std::string_view command)> command;
};

class Watch {
 public:
  Watch(Observers observers, Target target, Millis connect_timeout)
      : observers_(std::move(observers)), target_(std::move(target)), connect_timeout_(connect_timeout) {}
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // The callbacks for a pool, with this object as their context: it must outlive them.
  CallbacksHandle callbacks();
  // The same for a client of one thread, which is not watched. Null: nobody asks for its commands.
  CallbacksHandle command_callbacks();

  // What is wrong with a server that answers; none when nothing is, or nothing is known yet.
  std::optional<core::Failure> unusable() const;
  // The reason why no server could be selected, better than the driver's words, where it is known.
  core::Failure explain_selection(core::Failure failure) const;
  // The same when the server that was selected could not be connected to. Blocks as diagnose() does.
  core::Failure explain_connect(core::Failure failure) const;

  // Every server of the URI was dropped, and none is left to be asked: libmongoc does that with those that belong to
  // another replica set, or to none, and never asks them again.
  bool deserted() const;
  // Another one takes its place: from here on nobody is told anything.
  void silence();

  // How often a writable server was lost. A connection that worked before the last loss is not warm any more.
  std::uint64_t losses() const;
  bool primary() const;
  std::string topology() const;       // "standalone", "replicaset", "sharded", "unknown"
  std::int32_t wire_version() const;  // of the writable server; 0: not known

  // Told by libmongoc.
  void heartbeat_failed(const Address& host, const bson_error_t& error, Millis took);
  void heartbeat_succeeded(const Address& host, const bson_t* hello);
  void server_opened(const Address& host);
  void server_closed(const Address& host);  // not a member any more
  struct Server {
    Address host;
    std::string type;  // libmongoc's word: "RSPrimary", "Standalone", "Unknown", …
    std::int32_t wire_version = 0;
  };
  void topology_changed(std::string_view type, std::vector<Server> servers);
  void command_started(std::string_view name) const;

 private:
  struct Trouble {
    std::string words;       // the driver's, by which a repetition is known
    core::Failure failure;   // what was made of them
    std::int64_t at_us = 0;  // monotonic
  };
  struct State {
    bool single = false;                      // only the one host is asked, whatever it is
    std::vector<Server> servers;              // those that answer
    std::set<std::string> asked;              // those that are to be asked, as shown
    Answers answers;                          // also of those that were dropped
    std::map<std::string, Trouble> troubles;  // by host, as shown
    std::string newest;                       // host of the newest trouble
    bool primary = false;
    std::string topology = "unknown";
    std::int32_t wire_version = 0;
    std::uint64_t losses = 0;
    core::TopologyChanged told;
    bool anything_told = false;
    bool ever_asked = false;
    bool silent = false;
  };
  core::Failure refine(const Address& host, core::Failure failure, Millis took) const;
  core::Failure explain_tls(const Address& host, core::Failure failure) const;
  std::optional<core::Failure> misaddressed(const State& state) const;
  void tell(State& state);

  Observers observers_;
  Target target_;
  Millis connect_timeout_;
  mutable Sync<State> state_;
};

}  // namespace readygate::mongo
