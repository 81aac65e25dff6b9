// A thread that nobody joins and no signal is delivered to: signals are the loop's. Libraries' own threads that it
// starts inherit that. What such a thread is blocked on never delays the end of the process.
#pragma once

#include <csignal>
#include <system_error>
#include <thread>
#include <utility>

namespace readygate {

// False: the system refuses a new thread.
template <typename Run>
bool start_thread(Run run) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  bool started = true;
  try {
    std::thread(std::move(run)).detach();
  } catch (const std::system_error&) {
    started = false;
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

}  // namespace readygate
