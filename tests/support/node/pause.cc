// The program that holds a pod's namespaces: it sleeps until it is told to end, and takes orphans.
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>

int main() {
  std::signal(SIGTERM, [](int) { _exit(EXIT_SUCCESS); });
  std::signal(SIGINT, [](int) { _exit(EXIT_SUCCESS); });
  std::signal(SIGCHLD, [](int) {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  });
  while (true) {
    pause();
  }
}
