// Carries out the core's work on worker threads, which block in libmongoc so that the loop never does.
//
// Workers belong to a generation: a pool of connections made from the URI as it was then. A fresh pool is a new
// generation; the calls of the old one end by themselves, on threads of their own, and its pool is destroyed by the
// last of them. So a call that hangs can delay neither its successors nor the end of the process: nobody ever joins it.
// Threads are started when there is work for them and end when there has been none for ten seconds. Pings and the
// progress of builds have one of their own, and so has the lease, so that long index builds never delay them.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"
#include "core/work.h"
#include "mongo/driver.h"
#include "mongo/settings.h"

namespace readygate::mongo {

struct Hooks {
  // Once for each started task, on a worker thread; never after the executor's end.
  std::function<void(core::TaskId, core::Outcome)> outcome;
  // On a thread of the driver, with a lock held: post it, do nothing else. Only about the newest generation.
  std::function<void(core::TopologyChanged)> topology;
  // The name of each command that is sent. For tests and debugging; may be empty.
  std::function<void(std::string_view command)> command;
};

// All but finish() are for one thread, the loop's, and never block.
class Executor {
 public:
  // Connects to nothing yet. What is wrong with the settings is the outcome of the tasks.
  Executor(Settings settings, std::shared_ptr<Driver> driver, std::shared_ptr<const Clock> clock, Hooks hooks);
  ~Executor();  // no hook is called afterwards; nothing is waited for
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // For whoever has something else to do before the first task: connects meanwhile.
  void prepare();
  // Once, before the first start(): whose ledger the tasks are about.
  void serve(LedgerPlace place);
  void start(core::TaskId id, core::Work work);
  void fresh_pool();       // later tasks run on new connections; a task that no worker has taken yet ends as a failure
  void renew(Secret uri);  // the same, with this URI

  // For the end of a short command and for tests: takes no more work, and waits until every call has ended and every
  // connection is closed. False when that took longer than `limit`.
  bool finish(Millis limit);

 private:
  class Generation;
  class Outlet;

  void replace();

  Settings settings_;
  LedgerPlace place_;
  std::shared_ptr<Driver> driver_;
  std::shared_ptr<const Clock> clock_;
  std::shared_ptr<Outlet> outlet_;
  std::shared_ptr<Generation> generation_;
};

}  // namespace readygate::mongo
