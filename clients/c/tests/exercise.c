// What the tests of the library look at from inside a process: allocations, and many threads on one page.
//
//   exercise allocations     asks the page a thousand times; prints "ALLOCATIONS OPEN"
//   exercise threads N       asks it in N threads until standard input ends; prints "SNAPSHOTS TORN OPEN". Torn is one
//                            whose member `fill` is not one letter many times
//   exercise fork            asks in a child too; prints the two answers
//
// malloc and its relatives are the C library's, counted.
#include <pthread.h>
#include <readygate.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// Under the names that the linker knows: glibc's own, and those that everybody calls.
void* real_malloc(size_t size) __asm__("__libc_malloc");
void* real_calloc(size_t count, size_t size) __asm__("__libc_calloc");
void* real_realloc(void* memory, size_t size) __asm__("__libc_realloc");
void* counted_malloc(size_t size) __asm__("malloc");
void* counted_calloc(size_t count, size_t size) __asm__("calloc");
void* counted_realloc(void* memory, size_t size) __asm__("realloc");
static atomic_long allocations;

void* counted_malloc(size_t size) {
  ++allocations;
  return real_malloc(size);
}

void* counted_calloc(size_t count, size_t size) {
  ++allocations;
  return real_calloc(count, size);
}

void* counted_realloc(void* memory, size_t size) {
  ++allocations;
  return real_realloc(memory, size);
}

static atomic_int ended;
static atomic_long snapshots;
static atomic_long torn;
static atomic_long open_times;

static void* ask(void* unused) {
  while (!ended) {
    char json[4096];
    char fill[4096];
    if (readygate_is_open() == 1) ++open_times;
    if (readygate_snapshot(NULL, json, sizeof json) != READYGATE_OK) continue;
    ++snapshots;
    const long length = readygate_member(json, "fill", fill, sizeof fill);
    if (length <= 0 || strspn(fill, (char[]){fill[0], '\0'}) != (size_t)length) ++torn;
  }
  return unused;
}

static int in_threads(int count) {
  pthread_t threads[64];
  if (count < 1 || count > 64) return 64;
  for (int i = 0; i < count; ++i) {
    if (pthread_create(&threads[i], NULL, ask, NULL) != 0) return 1;
  }
  char byte = 0;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  ended = 1;
  for (int i = 0; i < count; ++i) pthread_join(threads[i], NULL);
  printf("%ld %ld %ld\n", snapshots, torn, open_times);
  return 0;
}

static int count_allocations(void) {
  char json[4096];
  long open = 0;
  const long before = allocations;
  for (int i = 0; i < 1000; ++i) {
    open += readygate_is_open();
    readygate_snapshot(NULL, json, sizeof json);
  }
  printf("%ld %ld\n", allocations - before, open);
  return 0;
}

static int in_a_child(void) {
  const int ours = readygate_is_open();
  const pid_t child = fork();
  if (child == 0) _exit(readygate_is_open());
  int status = 0;
  waitpid(child, &status, 0);
  printf("%d %d\n", ours, WEXITSTATUS(status));
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "allocations") == 0) return count_allocations();
  if (argc == 2 && strcmp(argv[1], "fork") == 0) return in_a_child();
  if (argc == 3 && strcmp(argv[1], "threads") == 0) return in_threads((int)strtol(argv[2], NULL, 10));
  return 64;
}
