#include "server/deadline_heap.h"

namespace readygate::server {

void DeadlineHeap::set(Id id, Instant at) {
  remove(id);
  if (place_.size() <= id) place_.resize(static_cast<std::size_t>(id) + 1, kNowhere);
  heap_.push_back({});
  sift_up(heap_.size() - 1, Entry{at, id});
}

void DeadlineHeap::remove(Id id) {
  if (id >= place_.size() || place_[id] == kNowhere) return;
  const std::size_t hole = place_[id];
  place_[id] = kNowhere;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (hole == heap_.size()) return;
  if (hole > 0 && last.at < heap_[(hole - 1) / 2].at) {
    sift_up(hole, last);
  } else {
    sift_down(hole, last);
  }
}

std::optional<Instant> DeadlineHeap::next() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front().at;
}

std::optional<DeadlineHeap::Id> DeadlineHeap::pop_due(Instant now) {
  if (heap_.empty() || heap_.front().at > now) return std::nullopt;
  const Id id = heap_.front().id;
  remove(id);
  return id;
}

void DeadlineHeap::put(std::size_t place, Entry entry) {
  heap_[place] = entry;
  place_[entry.id] = static_cast<std::uint32_t>(place);
}

void DeadlineHeap::sift_up(std::size_t place, Entry entry) {
  while (place > 0) {
    const std::size_t parent = (place - 1) / 2;
    if (!(entry.at < heap_[parent].at)) break;
    put(place, heap_[parent]);
    place = parent;
  }
  put(place, entry);
}

void DeadlineHeap::sift_down(std::size_t place, Entry entry) {
  for (;;) {
    std::size_t child = 2 * place + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].at < heap_[child].at) ++child;
    if (!(heap_[child].at < entry.at)) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, entry);
}

}  // namespace readygate::server
