#include "kube/event_book.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"

namespace readygate::kube {
namespace {

constexpr std::size_t kMostEvents = 16;  // that differ; the oldest goes
constexpr Millis kUpdateEvery{60'000};   // of one event's count
constexpr int kBurst = 10;
constexpr Millis kRefill{30'000};
// metadata.name is a DNS subdomain of at most 253 characters; the random part and its dot need 17.
constexpr std::size_t kMostOfPodName = 236;

std::string_view name(EventType type) { return type == EventType::kNormal ? "Normal" : "Warning"; }

}  // namespace

EventBook::EventBook(Pod pod, Random& random) : pod_(std::move(pod)), random_(random) {}

void EventBook::add(EventType type, std::string reason, std::string message, WallTime wall) {
  for (Event& event : events_) {
    if (event.type == type && event.reason == reason && event.message == message) {
      ++event.count;
      event.last = wall;
      return;
    }
  }
  if (events_.size() >= kMostEvents) {
    // The others of a deque stay where they are.
    if (sent_ == &events_.front()) sent_ = nullptr;
    events_.pop_front();
  }
  events_.push_back({type, std::move(reason), std::move(message), {}, 1, wall, wall});
}

const EventBook::Event* EventBook::waiting() const {
  const Event* soonest = nullptr;
  for (const Event& event : events_) {
    if (event.told == event.count) continue;
    if (soonest == nullptr || allowed(event) < allowed(*soonest)) soonest = &event;
  }
  return soonest;
}

EventBook::Event* EventBook::waiting() { return const_cast<Event*>(std::as_const(*this).waiting()); }

// When the event itself and the bucket allow it.
Instant EventBook::allowed(const Event& event) const {
  return std::max<Instant>(event.told == 0 ? Instant{} : event.not_before, bucket_since_ + kRefill);
}

std::optional<Call> EventBook::next(Instant now) {
  // A full bucket does not become fuller.
  bucket_since_ = std::max<Instant>(bucket_since_, now - kRefill * kBurst);
  Event* event = waiting();
  if (event == nullptr || sent_ != nullptr || now < allowed(*event)) return std::nullopt;
  sent_ = event;
  sent_count_ = event->count;
  return event->told == 0 ? create(*event) : update(*event);
}

void EventBook::done(Instant now) {
  bucket_since_ += kRefill;
  if (sent_ == nullptr) return;
  sent_->told = sent_count_;
  sent_->not_before = now + kUpdateEvery;
  sent_ = nullptr;
}

void EventBook::put_back() { sent_ = nullptr; }

void EventBook::expired() {
  if (sent_ != nullptr) {
    sent_->told = 0;
    sent_->name.clear();
  }
  sent_ = nullptr;
}

void EventBook::give_up() {
  if (sent_ != nullptr) sent_->told = sent_->count;
  sent_ = nullptr;
}

std::optional<Instant> EventBook::next_tick() const {
  const Event* event = waiting();
  if (event == nullptr || sent_ != nullptr) return std::nullopt;
  return allowed(*event);
}

Call EventBook::create(Event& event) {
  // The same name when it is sent again: an attempt whose answer was lost may have arrived.
  if (event.name.empty())
    event.name = fmt::format("{}.{}", pod_.name.substr(0, kMostOfPodName), random_id(random_).substr(0, 16));
  JsonWriter json;
  json.begin_object().field("apiVersion", "v1").field("kind", "Event");
  json.key("metadata").begin_object();
  json.field("name", std::string_view(event.name)).field("namespace", std::string_view(pod_.namespace_name));
  json.end_object();
  json.key("involvedObject").begin_object().field("apiVersion", "v1").field("kind", "Pod");
  json.field("namespace", std::string_view(pod_.namespace_name)).field("name", std::string_view(pod_.name));
  json.field("uid", std::string_view(pod_.uid)).end_object();
  json.field("type", name(event.type)).field("reason", std::string_view(event.reason));
  json.field("message", std::string_view(event.message)).field("count", event.count);
  json.field("firstTimestamp", std::string_view(kube_time(event.first)));
  json.field("lastTimestamp", std::string_view(kube_time(event.last)));
  json.key("source").begin_object().field("component", "readygate").end_object();
  json.field("reportingComponent", "readygate.io/readygate").field("reportingInstance", std::string_view(pod_.name));
  json.end_object();
  return {"POST", fmt::format("/api/v1/namespaces/{}/events", pod_.namespace_name), "application/json", json.take()};
}

Call EventBook::update(const Event& event) const {
  JsonWriter json;
  json.begin_object().field("count", event.count).field("lastTimestamp", std::string_view(kube_time(event.last)));
  json.end_object();
  return {"PATCH", fmt::format("/api/v1/namespaces/{}/events/{}", pod_.namespace_name, event.name),
          "application/strategic-merge-patch+json", json.take()};
}

}  // namespace readygate::kube
