#include "server/connections.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/socket.h>

#include "base/json.h"

namespace readygate::server {
namespace {

constexpr Seconds kSweep{1};
// One turn of the loop takes no longer for requests that were pipelined, or ends no more connections whose time is
// over: then new ones have theirs. Else who sends much would keep others waiting by the number of connections that it
// has.
constexpr std::chrono::microseconds kResumeTime{500};
constexpr int kEndingsPerTurn = 64;
constexpr Millis kNextEndings{1};
constexpr std::size_t kMostDiscarded = 64 * 1024;
constexpr std::uint32_t kFresh = 1;  // ticks in which a connection that has sent nothing has just come
constexpr std::size_t kKept = 15;  // bytes of an empty buffer that an idle connection may keep: those inside the string

enum class Phase : std::uint8_t {
  kIdle,       // between requests
  kReading,    // a new connection, or a request has begun
  kSending,    // an answer is not all sent
  kLingering,  // refused; what the client still sends is thrown away until it has read the answer
};

}  // namespace

struct Connections::Connection {
  event readiness{};
  Connections* owner = nullptr;
  Connection* previous = nullptr;
  Connection* next = nullptr;
  UniqueFd fd;
  Transport transport = Transport::kTcp;
  Phase phase = Phase::kReading;
  bool more_in_buffer = false;  // `in` may hold a whole request
  bool readable = true;         // the kernel may hold bytes, or the end of the stream, that it will not report again
  bool peer_closed = false;     // the client will send no more
  bool linger = false;
  bool resuming = false;  // stands in resumable_
  Ending after_send = Ending::kClose;
  short awaited = 0;        // EV_READ, EV_WRITE or nothing
  std::uint32_t since = 0;  // tick at which the phase began
  std::size_t discarded = 0;
  std::string in;
  std::string out;
};

struct Connections::EventHolder {
  event on_turn{};
};

Connections::Connections(Shared& shared, Waiters& waiters, Watchers& watchers, Hooks hooks)
    : shared_(shared),
      waiters_(waiters),
      watchers_(watchers),
      hooks_(std::move(hooks)),
      resume_event_(std::make_unique<EventHolder>()) {
  event_assign(
      &resume_event_->on_turn, shared_.loop.base(), -1, 0,
      [](evutil_socket_t, short, void* arg) { static_cast<Connections*>(arg)->resume(); }, this);
  event_priority_set(&resume_event_->on_turn, static_cast<int>(Priority::kProbe));
}

Connections::~Connections() {
  event_del(&resume_event_->on_turn);
  for (Group& one : groups_) {
    while (one.head != nullptr) destroy(*one.head);
  }
}

void Connections::adopt(UniqueFd fd, Transport transport) {
  const std::size_t cap =
      transport == Transport::kTcp ? shared_.limits.tcp_connections : shared_.limits.unix_connections;
  Group& mine = groups_[static_cast<std::size_t>(transport)];
  if (mine.count >= cap && mine.head != nullptr) {
    // The one that has not asked for longest; of those, rather one that is not in the middle of something. One that has
    // just come is: otherwise a crowd of slow requests would keep every new client out.
    Connection* oldest = mine.head;
    for (Connection* c = mine.head; c != nullptr; c = c->next) {
      const bool mute = c->phase == Phase::kReading && c->in.empty() && tick_ - c->since > kFresh;
      if (c->phase == Phase::kIdle || c->phase == Phase::kLingering || mute) {
        oldest = c;
        break;
      }
    }
    ++shared_.counters.turned_away;
    destroy(*oldest);
  }
  auto* made = new Connection;  // owned by its group's list
  made->owner = this;
  made->fd = std::move(fd);
  made->transport = transport;
  made->since = tick_;
  link(*made);
  if (!sweep_timer_.pending()) sweep_timer_ = shared_.loop.after(kSweep, [this] { sweep(); });
  // A client usually speaks at once, so its request is often there already, and no epoll is needed at all.
  turn(*made);
}

bool Connections::give_one_up() {
  Group& tcp = groups_[static_cast<std::size_t>(Transport::kTcp)];
  for (Connection* c = tcp.head; c != nullptr; c = c->next) {
    if (c->phase != Phase::kIdle) continue;
    ++shared_.counters.turned_away;
    destroy(*c);
    return true;
  }
  return false;
}

Connections::Group& Connections::group(const Connection& connection) {
  return groups_[static_cast<std::size_t>(connection.transport)];
}

void Connections::link(Connection& connection) {
  Group& list = group(connection);
  connection.previous = list.tail;
  connection.next = nullptr;
  (list.tail == nullptr ? list.head : list.tail->next) = &connection;
  list.tail = &connection;
  ++list.count;
}

void Connections::unlink(Connection& connection) {
  Group& list = group(connection);
  (connection.previous == nullptr ? list.head : connection.previous->next) = connection.next;
  (connection.next == nullptr ? list.tail : connection.next->previous) = connection.previous;
  --list.count;
}

UniqueFd Connections::release(Connection& connection) {
  if (connection.awaited != 0) event_del(&connection.readiness);
  if (connection.resuming) {
    std::replace(resumable_.begin(), resumable_.end(), &connection, static_cast<Connection*>(nullptr));
  }
  unlink(connection);
  UniqueFd fd = std::move(connection.fd);
  delete &connection;
  return fd;
}

void Connections::destroy(Connection& connection) { release(connection).reset(); }

void Connections::await(Connection& connection, short what) {
  if (connection.awaited == what) return;
  if (connection.awaited != 0) event_del(&connection.readiness);
  // Reading is edge-triggered: level-triggered, epoll would look at each socket once more after every request, 5 % of
  // all that a probe costs. So what is not read to its end has to be remembered: `readable`.
  const short events = what == EV_READ ? static_cast<short>(EV_READ | EV_CLOSED | EV_ET | EV_PERSIST)
                                       : static_cast<short>(EV_WRITE | EV_PERSIST);
  event_assign(
      &connection.readiness, shared_.loop.base(), connection.fd.get(), events,
      [](evutil_socket_t, short seen, void* arg) {
        auto* self = static_cast<Connection*>(arg);
        if ((seen & EV_CLOSED) != 0) self->peer_closed = true;
        if (self->phase == Phase::kSending) return self->owner->write_more(*self);
        self->readable = true;
        if (self->phase == Phase::kLingering) return self->owner->discard(*self);
        self->owner->turn(*self);
      },
      &connection);
  event_priority_set(&connection.readiness, static_cast<int>(Priority::kProbe));
  connection.awaited = what;
  event_add(&connection.readiness, nullptr);
}

void Connections::turn(Connection& connection) {
  std::string_view bytes = connection.in;
  if (!connection.more_in_buffer) {
    const ssize_t got = ::recv(connection.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) {
      connection.readable = false;
      return await(connection, EV_READ);
    }
    if (got <= 0) return destroy(connection);
    // A short read has emptied the socket, and what comes later is reported; but its end may be there already.
    connection.readable = static_cast<std::size_t>(got) == buffer_.size() || connection.peer_closed;
    bytes = std::string_view(buffer_.data(), static_cast<std::size_t>(got));
    if (!connection.in.empty()) {
      connection.in.append(bytes);
      bytes = connection.in;
    }
  }
  const Dialect dialect = connection.transport == Transport::kTcp ? Dialect::kHttp : dialect_of(bytes);
  switch (dialect) {
    case Dialect::kUnknown: return keep(connection, bytes);
    case Dialect::kLine: return serve_line(connection, bytes);
    case Dialect::kHttp: return serve_http(connection, bytes);
  }
}

// Keeps an unfinished request until more comes.
void Connections::keep(Connection& connection, std::string_view bytes) {
  if (bytes.data() != connection.in.data()) connection.in.assign(bytes);
  connection.more_in_buffer = false;
  if (connection.phase == Phase::kIdle) {
    connection.phase = Phase::kReading;
    connection.since = tick_;
  }
  if (connection.readable) resume_later(connection);
  await(connection, EV_READ);
}

void Connections::serve_http(Connection& connection, std::string_view bytes) {
  const HttpParse parsed = parse_http(bytes, shared_.limits.http);
  switch (parsed.outcome) {
    case HttpParse::Outcome::kNeedMore: return keep(connection, bytes);
    case HttpParse::Outcome::kRefused: {
      shared_.counters.request(RouteId::kNone, parsed.status);
      connection.linger = true;
      const Response response = refusal(parsed.status, "bad_request", parsed.why);
      return respond(connection, render(response, Ending::kClose, Part::kWhole), Ending::kClose);
    }
    case HttpParse::Outcome::kRequest: break;
  }
  const Decision decision = decide(parsed.request, connection.transport, *shared_.now);
  // From here on the request's path and query are not looked at: their bytes go.
  if (bytes.data() == connection.in.data() && !connection.in.empty()) {
    connection.in.erase(0, parsed.consumed);
  } else {
    connection.in.assign(bytes.substr(parsed.consumed));
  }
  connection.more_in_buffer = !connection.in.empty();
  carry_out(connection, decision, parsed.request);
}

void Connections::carry_out(Connection& connection, const Decision& decision, const HttpRequest& request) {
  const Ending ending = request.keep_alive ? Ending::kKeepAlive : Ending::kClose;
  const Part part = request.method == Method::kHead ? Part::kHeadOnly : Part::kWhole;
  Counters& counters = shared_.counters;
  switch (decision.kind) {
    case Decision::Kind::kProbe:
      counters.request(decision.route, shared_.probes.status(decision.route));
      return respond(connection, shared_.probes.bytes(decision.route, ending, part), ending);
    case Decision::Kind::kRespond:
      counters.request(decision.route, decision.response.status);
      return respond(connection, render(decision.response, ending, part), ending);
    case Decision::Kind::kMetrics: {
      counters.request(decision.route, 200);
      const Response response{200, Body::kMetrics, render_metrics(*shared_.now, counters, hooks_.gauges()), {}, false};
      return respond(connection, render(response, ending, part), ending);
    }
    case Decision::Kind::kPost: return change(connection, decision, ending);
    case Decision::Kind::kWait:
      return start_wait(connection, decision.wait,
                        decision.wait_with_snapshot ? Speech::kHttpWithSnapshot : Speech::kHttp);
    case Decision::Kind::kWatch:
      return start_watch(connection, request.http10 ? Framing::kHttp : Framing::kHttpChunked);
  }
}

void Connections::change(Connection& connection, const Decision& decision, Ending ending) {
  const RouteId route = decision.route;
  // A retry has only begun when it is answered.
  Response response{route == RouteId::kV1Retry ? 202 : 200, Body::kJson, {}, {}, false};
  std::string_view why = label(route).substr(std::string_view("/v1/").size());
  bool done = false;
  std::optional<core::Retried> retried;
  if (!hooks_.may_post(connection.fd.get())) {
    response.status = 403;
    why = "forbidden";
  } else if (shared_.now->state == core::State::kDraining) {
    response.status = 503;
    response.retry_after = true;
    why = "draining";
  } else {
    // Each may publish: the answer says what became of it.
    if (route == RouteId::kV1Retry) retried = hooks_.retry();
    if (route == RouteId::kV1Drain) hooks_.drain(decision.drain_for);
    if (route == RouteId::kV1Undrain) hooks_.undrain();
    done = true;
  }
  JsonWriter json;
  json.begin_object().field("ok", done).field("why", why);
  json.field("state", core::name(shared_.now->state)).field("code", name(shared_.now->code));
  json.field("seq", static_cast<std::int64_t>(shared_.now->seq));
  if (retried) json.field("retried", *retried == core::Retried::kUnderWay);
  json.end_object();
  response.body = json.take() + "\n";
  shared_.counters.request(route, response.status);
  respond(connection, render(response, ending, Part::kWhole), ending);
}

void Connections::serve_line(Connection& connection, std::string_view bytes) {
  const LineParse parsed = parse_line(bytes);
  switch (parsed.outcome) {
    case LineParse::Outcome::kNeedMore: return keep(connection, bytes);
    case LineParse::Outcome::kRefused: return refuse_line(connection, Why::kBadRequest);
    case LineParse::Outcome::kStatus:
      shared_.counters.request(RouteId::kV1Status, 200);
      return respond(connection, shared_.now->full + "\n", Ending::kClose);
    case LineParse::Outcome::kWait: return start_wait(connection, parsed.wait, Speech::kLine);
    case LineParse::Outcome::kWatch: return start_watch(connection, Framing::kLines);
  }
}

void Connections::refuse_line(Connection& connection, Why why) {
  shared_.counters.wait(why);
  connection.linger = true;
  respond(connection, wait_answer(why, core::Fact::kOpen, *shared_.now, Speech::kLine), Ending::kClose);
}

void Connections::start_wait(Connection& connection, const WaitRequest& asked, Speech speech) {
  std::optional<Why> why = end_of_wait(*shared_.now, asked);
  if (!why && waiters_.full()) why = Why::kBusy;
  if (!why) return waiters_.add(release(connection), asked, speech);
  shared_.counters.wait(*why);
  if (speech != Speech::kLine) shared_.counters.request(RouteId::kV1Wait, http_status(*why));
  respond(connection, shared_.waits.get(*why, asked.fact, *shared_.now, speech), Ending::kClose);
}

void Connections::start_watch(Connection& connection, Framing framing) {
  if (watchers_.full()) {
    const Speech speech = framing == Framing::kLines ? Speech::kLine : Speech::kHttp;
    shared_.counters.request(RouteId::kV1Watch, 503);
    return respond(connection, wait_answer(Why::kBusy, core::Fact::kOpen, *shared_.now, speech), Ending::kClose);
  }
  shared_.counters.request(RouteId::kV1Watch, 200);
  watchers_.add(release(connection), framing);
}

void Connections::respond(Connection& connection, std::string_view bytes, Ending ending) {
  // The last answer's end is held back until after_answer() ends the stream: one segment instead of two.
  const int more = ending == Ending::kClose ? MSG_MORE : 0;
  ssize_t sent = ::send(connection.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT | more);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) return destroy(connection);
  sent = std::max<ssize_t>(sent, 0);
  if (static_cast<std::size_t>(sent) == bytes.size()) return after_answer(connection, ending);
  connection.out.assign(bytes.substr(static_cast<std::size_t>(sent)));
  connection.after_send = ending;
  connection.phase = Phase::kSending;
  connection.since = tick_;
  await(connection, EV_WRITE);
}

void Connections::write_more(Connection& connection) {
  const ssize_t sent =
      ::send(connection.fd.get(), connection.out.data(), connection.out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (sent < 0) return destroy(connection);
  connection.out.erase(0, static_cast<std::size_t>(sent));
  if (connection.out.empty()) after_answer(connection, connection.after_send);
}

void Connections::after_answer(Connection& connection, Ending ending) {
  connection.since = tick_;
  for (std::string* one : {&connection.in, &connection.out}) {
    if (one->empty() && one->capacity() > kKept) *one = std::string();
  }
  if (ending == Ending::kKeepAlive) {
    connection.phase = connection.in.empty() ? Phase::kIdle : Phase::kReading;
    if (group(connection).tail != &connection) {
      unlink(connection);
      link(connection);
    }
    if (connection.more_in_buffer || connection.readable) resume_later(connection);
    return await(connection, EV_READ);
  }
  // Sends what was held back. Closing with unread bytes would be a reset, and the answer lost (RFC 9112, 9.6).
  ::shutdown(connection.fd.get(), SHUT_WR);
  if (!connection.linger) return destroy(connection);
  connection.phase = Phase::kLingering;
  connection.in.clear();
  await(connection, EV_READ);
}

void Connections::discard(Connection& connection) {
  for (;;) {
    const ssize_t got = ::recv(connection.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return destroy(connection);
    connection.discarded += static_cast<std::size_t>(got);
    if (connection.discarded > kMostDiscarded) return destroy(connection);
  }
}

void Connections::resume_later(Connection& connection) {
  if (connection.resuming) return;
  connection.resuming = true;
  resumable_.push_back(&connection);
  resume_soon();
}

void Connections::resume_soon() {
  const timeval now{0, 0};
  if (evtimer_pending(&resume_event_->on_turn, nullptr) == 0) event_add(&resume_event_->on_turn, &now);
}

void Connections::resume() {
  // Those that have yet another request put themselves into the new list, for the next turn. A turn destroys at most
  // its own connection.
  std::vector<Connection*> batch;
  batch.swap(resumable_);
  const Clock& clock = shared_.loop.clock();
  const Instant started = clock.now();
  for (auto each = batch.begin(); each != batch.end(); ++each) {
    Connection* const connection = *each;
    if (connection == nullptr) continue;  // destroyed since it asked for this
    if (clock.now() - started >= kResumeTime) {
      resumable_.insert(resumable_.begin(), each, batch.end());
      resume_soon();
      return;
    }
    connection->resuming = false;
    if (connection->phase != Phase::kReading && connection->phase != Phase::kIdle) continue;
    if (connection->more_in_buffer || connection->readable) turn(*connection);
  }
}

void Connections::sweep() {
  ++tick_;
  end_overdue();
}

void Connections::end_overdue() {
  const Limits& limits = shared_.limits;
  int ended = 0;
  const auto over = [this](const Connection& c, Seconds limit) {
    return static_cast<std::int64_t>(tick_ - c.since) > limit.count();
  };
  for (Group& one : groups_) {
    for (Connection* c = one.head; c != nullptr;) {
      Connection* const following = c->next;
      if (c->phase == Phase::kReading && over(*c, limits.header) && !c->in.empty() &&
          (c->transport == Transport::kTcp || dialect_of(c->in) == Dialect::kHttp)) {
        shared_.counters.request(RouteId::kNone, 408);
        c->linger = true;
        const Response response = refusal(408, "timeout", "the request did not arrive in time");
        respond(*c, render(response, Ending::kClose, Part::kWhole), Ending::kClose);
      } else if ((c->phase == Phase::kReading && over(*c, limits.header)) ||
                 (c->phase == Phase::kIdle && over(*c, limits.idle)) ||
                 (c->phase == Phase::kSending && over(*c, limits.sending)) ||
                 (c->phase == Phase::kLingering && over(*c, limits.linger))) {
        destroy(*c);
      } else {
        c = following;
        continue;
      }
      if (++ended == kEndingsPerTurn) {
        sweep_timer_ = shared_.loop.after(kNextEndings, [this] { end_overdue(); });
        return;
      }
      c = following;
    }
  }
  if (count(Transport::kTcp) + count(Transport::kUnix) > 0) {
    sweep_timer_ = shared_.loop.after(kSweep, [this] { sweep(); });
  }
}

}  // namespace readygate::server
