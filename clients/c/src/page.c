// The state page: one load from a mapped file and one look at a coarse clock, for every request, from any thread.
//
// There is no lock and no heap. A page that has expired, was zeroed, or is of an earlier boot is mapped over by the
// next one at the same address (MAP_FIXED), so a thread that is reading it never meets a hole; where there is none that
// can be believed, zeros are, which have expired. Who opens it anew is decided by one exchange of the time of the last
// try, so a fork in the middle leaves nothing held. (A thread sanitizer takes the mmap for a write,
// and says so.)
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "environment.h"
#include "exported.h"
#include "protocol.h"

enum {
  SIZE = 4096,
  TEXT = 136,  // offset of the snapshot
  TRIES = 100,
  REOPEN_MS = 100
};
static const uint64_t fact_mask = 0xFF;

// docs/protocol.md, layout version 1.
struct layout {
  char magic[8];
  uint32_t version;
  uint32_t size;
  unsigned char boot_id[16];
  unsigned char instance_id[16];
  int64_t writer_offset_ms;
  uint64_t reserved;
  _Atomic uint64_t word;  // (expires_ms << 8) | facts
  unsigned char more_reserved[56];
  _Atomic uint32_t sequence;  // odd: being written
  _Atomic uint32_t length;
  _Atomic uint64_t text[(SIZE - TEXT) / 8];  // words: what is copied while it is written is thrown away
};
_Static_assert(sizeof(struct layout) == SIZE && offsetof(struct layout, word) == 64 &&
                   offsetof(struct layout, text) == TEXT,
               "as the document says");

struct readygate_page {
  struct layout* mapped;  // always of SIZE bytes; never moves
  const char* socket;     // NULL: the environment's
  _Atomic int64_t tried_ms;
  _Atomic int64_t own_offset_ms;  // of our time namespace
};

static int64_t coarse_ms(void) {
  struct timespec now = {0, 0};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// The facts, or 0 when they have expired: one that is live always has the bit of that.
static unsigned facts_of(const struct readygate_page* page) {
  const uint64_t word = atomic_load_explicit(&page->mapped->word, memory_order_acquire);
  const int64_t shift =
      atomic_load_explicit(&page->own_offset_ms, memory_order_relaxed) - page->mapped->writer_offset_ms;
  return coarse_ms() - shift < (int64_t)(word >> 8U) ? (unsigned)(word & fact_mask) : 0;
}

static long read_small(const char* path, char* buffer, size_t size) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  const ssize_t got = read(fd, buffer, size);
  close(fd);
  return got;
}

// The kernel's id of this boot: on a volume that outlives it, a page of an earlier one may lie about.
static bool is_running_boot(const unsigned char* id) {
  char text[64];
  const long got = read_small("/proc/sys/kernel/random/boot_id", text, sizeof text);
  int half = 0;
  for (long i = 0; i < got && half < 32; ++i) {
    static const char digits[] = "0123456789abcdef";
    const char* const digit = text[i] == '\0' ? NULL : strchr(digits, text[i]);
    if (digit == NULL) continue;
    const unsigned value = (unsigned)(digit - digits);
    if ((half % 2 == 0 ? id[half / 2] >> 4U : id[half / 2] & 15U) != value) return false;
    ++half;
  }
  return half == 32;
}

// ms that our CLOCK_MONOTONIC is ahead of the kernel's (time_namespaces(7)); 0 where the kernel knows none.
static int64_t own_offset_ms(void) {
  char text[256];
  const long got = read_small("/proc/self/timens_offsets", text, sizeof text - 1);
  if (got <= 0) return 0;
  text[got] = '\0';
  const char* const line = strstr(text, "monotonic");
  if (line == NULL) return 0;
  char* rest = NULL;
  const long long seconds = strtoll(line + strlen("monotonic"), &rest, 10);
  return seconds * 1000 + strtoll(rest, NULL, 10) / 1000000;
}

static bool can_be_believed(int fd) {
  struct layout head;
  struct stat file;
  const size_t until = offsetof(struct layout, word);
  return fstat(fd, &file) == 0 && file.st_size == SIZE && pread(fd, &head, until, 0) == (ssize_t)until &&
         memcmp(head.magic, "RDYGATE", sizeof head.magic) == 0 && head.version == 1 && head.size == SIZE &&
         is_running_boot(head.boot_id);
}

// Not every file system can; and what fails in the page's place may leave a hole there.
static bool can_be_mapped(int fd) {
  void* const elsewhere = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
  return elsewhere != MAP_FAILED && munmap(elsewhere, SIZE) == 0;
}

static void open_anew(struct readygate_page* page) {
  static const char suffix[] = ".page";
  const struct rg_span socket = rg_socket(page->socket);
  char path[RG_LONGEST_PATH + sizeof suffix];
  struct rg_text text = rg_text_in(path, sizeof path);
  rg_put_span(&text, socket);
  rg_put(&text, suffix);
  // A FIFO or a device in its place
  // must not hold us up.
  const int fd = rg_is_path(socket) ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
  // A page in the place of a page: nothing is taken that there might be too little of.
  if (fd >= 0 && can_be_believed(fd) && can_be_mapped(fd)) {
    atomic_store_explicit(&page->own_offset_ms, own_offset_ms(), memory_order_relaxed);
    (void)mmap(page->mapped, SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
  } else {
    (void)mmap(page->mapped, SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  }
  if (fd >= 0) close(fd);
}

// The same, after a look for a successor when the page has expired.
static unsigned current_facts(struct readygate_page* page) {
  unsigned facts = facts_of(page);
  if (facts != 0) return facts;
  const int64_t now = coarse_ms();
  int64_t tried = atomic_load(&page->tried_ms);
  if ((tried == 0 || now - tried >= REOPEN_MS) && atomic_compare_exchange_strong(&page->tried_ms, &tried, now)) {
    open_anew(page);
    facts = facts_of(page);
  }
  return facts;
}

static struct layout* no_page(void) {
  void* const memory = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

// The page of the environment's gate, made by whoever asks first. NULL: no memory.
static struct readygate_page* default_page(void) {
  static struct readygate_page page;
  static _Atomic(struct layout*) made;
  struct layout* mapped = atomic_load_explicit(&made, memory_order_acquire);
  if (mapped != NULL) return &page;
  mapped = no_page();
  if (mapped == NULL) return NULL;
  static _Atomic(struct layout*) chosen;
  struct layout* first = NULL;
  if (atomic_compare_exchange_strong(&chosen, &first, mapped)) {
    page.mapped = mapped;
    atomic_store_explicit(&made, mapped, memory_order_release);
    return &page;
  }
  munmap(mapped, SIZE);
  while (atomic_load_explicit(&made, memory_order_acquire) == NULL) sched_yield();  // two stores by another thread
  return &page;
}

EXPORTED int readygate_is_open(void) {
  struct readygate_page* const page = default_page();
  if (page != NULL && (current_facts(page) & READYGATE_FACT_OPEN) != 0) return 1;
  return readygate_disabled();
}

EXPORTED readygate_page* readygate_page_open(const char* socket) {
  const struct rg_span path = rg_socket(socket);
  if (!rg_is_path(path)) return NULL;
  struct readygate_page* const page = calloc(1, sizeof *page + path.length + 1);
  if (page == NULL) return NULL;
  page->mapped = no_page();
  if (page->mapped == NULL) {
    free(page);
    return NULL;
  }
  page->socket = memcpy(page + 1, path.at, path.length + 1);
  return page;
}

EXPORTED int readygate_page_is_open(readygate_page* page) {
  return (current_facts(page) & READYGATE_FACT_OPEN) != 0 ? 1 : readygate_disabled();
}

EXPORTED void readygate_page_close(readygate_page* page) {
  if (page == NULL) return;
  munmap(page->mapped, SIZE);
  free(page);
}

EXPORTED int readygate_facts(readygate_page* page) {
  struct readygate_page* const asked = page != NULL ? page : default_page();
  const unsigned facts = asked != NULL ? current_facts(asked) : 0;
  return facts != 0 ? (int)facts : -1;
}

EXPORTED int readygate_snapshot(readygate_page* page, char* json, size_t size) {
  struct readygate_page* const asked = page != NULL ? page : default_page();
  if (size == 0) return READYGATE_TOO_LONG;
  json[0] = '\0';
  if (asked == NULL || current_facts(asked) == 0) return READYGATE_UNREACHABLE;
  struct layout* const mapped = asked->mapped;
  for (int i = 0; i < TRIES; ++i) {
    const uint32_t before = atomic_load_explicit(&mapped->sequence, memory_order_acquire);
    if (before % 2 != 0) {
      sched_yield();
      continue;
    }
    const uint32_t length = atomic_load_explicit(&mapped->length, memory_order_relaxed);
    const bool fits = length <= SIZE - TEXT && length < size;
    for (size_t at = 0; fits && at < length; at += 8) {
      const uint64_t word = atomic_load_explicit(&mapped->text[at / 8], memory_order_relaxed);
      memcpy(json + at, &word, length - at < 8 ? length - at : 8);
    }
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load_explicit(&mapped->sequence, memory_order_relaxed) != before) continue;
    json[fits ? length : 0] = '\0';
    if (length == 0 || length > SIZE - TEXT) return READYGATE_UNREACHABLE;
    return fits ? READYGATE_OK : READYGATE_TOO_LONG;
  }
  json[0] = '\0';
  return READYGATE_UNREACHABLE;
}
