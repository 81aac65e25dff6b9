// Threads that block in libcurl so that the loop never does. Started when there is work, ended when there has been none
// for ten seconds; each has a client of its own. Nobody joins them: what one is blocked on delays neither its
// neighbours nor the end of the process.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "http/client.h"

namespace readygate::http {

class Workers {
 public:
  // On a worker's thread; it posts its result to the loop by itself.
  using Job = std::function<void(Client&)>;

  // `most` threads, at least 1. Connects to nothing.
  Workers(int most, std::string user_agent);
  ~Workers();  // what no worker has taken is dropped; nothing is waited for
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Never blocks. False: the system refuses the first thread, and the job will not run.
  bool start(Job job);

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the workers, which may be stuck when we go
};

}  // namespace readygate::http
