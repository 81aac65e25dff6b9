// What the tests of the server stand on: a clock that moves when told, a folder that goes away, clients on real
// sockets, and a server whose loop turns only while somebody waits for bytes. Nothing sleeps for a result; a client
// that waits for bytes that never come gives up after two seconds of real time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "core/snapshot.h"
#include "server/server.h"

namespace readygate::server::testing {

class FakeClock final : public Clock {
 public:
  Instant now() const override { return now_ += each_look_; }
  WallTime wall() const override { return WallTime(Millis(1'767'225'600'000)); }  // 2026-01-01T00:00:00Z
  void advance(Millis by) { now_ += by; }
  // As time passes for who works between two looks at the clock.
  void run(std::chrono::microseconds each_look) { each_look_ = each_look; }

 private:
  mutable Instant now_{std::chrono::hours(1)};
  std::chrono::microseconds each_look_{0};
};

class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::string& path() const { return path_; }
  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

// The snapshot of a gate in `state`, with everything else fixed.
core::Snapshot sample(core::State state, bool initialized, bool reachable);
std::shared_ptr<const core::Published> published(const core::Snapshot& snapshot);

class Rig;

// One non-blocking connection to the rig's server.
class Client {
 public:
  Client(Rig& rig, UniqueFd fd) : rig_(&rig), fd_(std::move(fd)) {}

  void send(std::string_view bytes);
  // The next bytes, as many as `expected` has; fewer when the stream ends or nothing more comes.
  std::string receive(std::size_t count);
  std::string receive_line();
  std::string receive_all();    // to the end of the stream
  std::size_t waiting() const;  // bytes that can be received, which stay there
  bool ended();                 // the end of the stream came, and nothing before it
  bool silent();                // turns the loop a few times: nothing comes, and no end
  void half_close();
  void close() { fd_.reset(); }
  int fd() const { return fd_.get(); }

 private:
  bool fill();  // reads what is there; false at the end of the stream

  Rig* rig_;
  UniqueFd fd_;
  std::string pending_;
  bool eof_ = false;
};

class Rig {
 public:
  explicit Rig(Limits limits = {}, ServerCallbacks callbacks = {}, std::vector<uid_t> allow_uids = {});

  Client tcp();
  Client local();
  // Connects, sends, and gives all that comes until the server closes.
  std::string ask_local(std::string_view bytes);
  std::string ask_tcp(std::string_view bytes);

  void publish(core::State state, bool initialized, bool reachable);
  void publish(core::Snapshot snapshot);
  void advance(Millis by);  // and lets the loop turn
  void turn(int times = 3);

  FakeClock clock;
  TempFolder folder;
  std::unique_ptr<Loop> loop;
  std::unique_ptr<Server> server;
  std::string socket;

 private:
  std::uint64_t seq_ = 0;
};

UniqueFd connect_local(const std::string& path);

// A probe, and its answer.
inline const std::string kLivez = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
inline const std::string kOk =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\nCache-Control: "
    "no-store\r\n\r\nok\n";

}  // namespace readygate::server::testing
