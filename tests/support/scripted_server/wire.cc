// See wire.h. All integers are little-endian on the wire; they are read and written byte by byte, so the host does not
// matter.
#include "scripted_server/wire.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace readygate::scripted {

namespace {

constexpr std::size_t kHeaderBytes = 16;
constexpr std::int32_t kOpReply = 1;
constexpr std::int32_t kOpQuery = 2004;
constexpr std::int32_t kOpMsg = 2013;
constexpr std::uint32_t kChecksumPresent = 1U << 0;
constexpr std::uint32_t kMoreToCome = 1U << 1;
constexpr std::uint32_t kExhaustAllowed = 1U << 16;

/// Reads forward through one message; a read past the end makes it bad and yields zeros.
class Cursor {
 public:
  explicit Cursor(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  std::span<const std::uint8_t> take(std::size_t count) {
    if (count > rest_.size()) {
      good_ = false;
      rest_ = {};
      return {};
    }
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  std::uint32_t u32() {
    std::uint32_t value = 0;
    int shift = 0;
    for (const std::uint8_t byte : take(4)) {
      value |= static_cast<std::uint32_t>(byte) << shift;
      shift += 8;
    }
    return value;
  }
  std::int32_t i32() { return static_cast<std::int32_t>(u32()); }
  std::string text() {  // up to the next NUL
    const auto end = std::ranges::find(rest_, std::uint8_t{0});
    if (end == rest_.end()) {
      good_ = false;
      return {};
    }
    std::string value(rest_.begin(), end);
    take(value.size() + 1);
    return value;
  }
  std::optional<Doc> document() {
    Cursor ahead = *this;
    const std::int32_t size = ahead.i32();
    if (!ahead.good_ || size < 5) {
      good_ = false;
      return std::nullopt;
    }
    auto document = Doc::from_bytes(take(static_cast<std::size_t>(size)));
    if (!document) good_ = false;
    return document;
  }
  bool good() const { return good_; }
  std::size_t left() const { return rest_.size(); }

 private:
  std::span<const std::uint8_t> rest_;
  bool good_ = true;
};

bool parse_message(Cursor body, Request& out) {
  const std::uint32_t flags = body.u32();
  if ((flags & 0xFFFFU & ~(kChecksumPresent | kMoreToCome)) != 0) return false;  // an unknown required bit
  const std::size_t trailer = (flags & kChecksumPresent) != 0 ? 4 : 0;           // the checksum is not verified
  out.dialect = Request::Dialect::kMessage;
  out.wants_reply = (flags & kMoreToCome) == 0;
  out.exhaust_allowed = (flags & kExhaustAllowed) != 0;

  std::optional<Doc> command;
  Doc sequences;
  while (body.good() && body.left() > trailer) {
    const auto kind = body.take(1);
    if (kind[0] == 0) {
      command = body.document();
    } else if (kind[0] == 1) {
      const std::uint32_t size = body.u32();
      if (size < 4) return false;
      Cursor section(body.take(size - 4));
      const std::string name = section.text();
      std::vector<Doc> items;
      while (section.good() && section.left() > 0) {
        if (auto item = section.document()) items.push_back(std::move(*item));
      }
      if (!section.good()) return false;
      sequences.add_array(name, Doc::array_of(items));
    } else {
      return false;
    }
  }
  if (!body.good() || !command) return false;
  out.database = command->text("$db");
  out.command = std::move(command->add_all(sequences));
  return true;
}

// OP_QUERY: flags, "database.$cmd", skip, limit, the command; a driver may wrap it as {$query: …, $readPreference: …}.
bool parse_query(Cursor body, Request& out) {
  body.u32();
  const std::string name = body.text();
  body.u32();
  body.u32();
  const auto command = body.document();
  if (!body.good() || !command || !name.ends_with(".$cmd")) return false;
  out.dialect = Request::Dialect::kQuery;
  out.database = name.substr(0, name.size() - std::string_view(".$cmd").size());
  out.command = command->has("$query") ? command->document("$query") : *command;
  return true;
}

void put(Bytes& out, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

}  // namespace

RequestReader::State RequestReader::next(Request& out) {
  if (buffer_.size() < kHeaderBytes) return State::kIncomplete;
  Cursor header(buffer_);
  const std::int32_t size = header.i32();
  Request request;
  request.id = header.i32();
  header.i32();  // responseTo: nothing to a server
  const std::int32_t operation = header.i32();
  // Looked at before the length, so that a TLS client hello, whose first bytes make a huge length, is seen at once.
  if (operation != kOpMsg && operation != kOpQuery) return State::kBroken;
  if (size < static_cast<std::int32_t>(kHeaderBytes) || size > kMaxMessageBytes) return State::kBroken;
  const auto whole = static_cast<std::size_t>(size);
  if (buffer_.size() < whole) return State::kIncomplete;

  const Cursor body{std::span<const std::uint8_t>(buffer_).first(whole).subspan(kHeaderBytes)};
  const bool understood = operation == kOpMsg ? parse_message(body, request) : parse_query(body, request);
  buffer_.erase(buffer_.begin(), buffer_.begin() + size);
  if (!understood) return State::kBroken;
  out = std::move(request);
  return State::kRequest;
}

Bytes encode_reply(const Request& request, const Doc& reply, std::int32_t id, bool more_to_come) {
  Bytes body;
  if (request.dialect == Request::Dialect::kQuery) {
    put(body, 8);  // flags: AwaitCapable, which every server since 1.6 sets
    put(body, 0);
    put(body, 0);  // cursor id, 64 bits
    put(body, 0);  // starting from
    put(body, 1);  // documents
  } else {
    put(body, more_to_come ? kMoreToCome : 0);
    body.push_back(0);
  }
  const auto bytes = reply.bytes();
  body.insert(body.end(), bytes.begin(), bytes.end());

  Bytes out;
  out.reserve(kHeaderBytes + body.size());
  put(out, static_cast<std::uint32_t>(kHeaderBytes + body.size()));
  put(out, static_cast<std::uint32_t>(id));
  put(out, static_cast<std::uint32_t>(request.id));
  put(out, static_cast<std::uint32_t>(request.dialect == Request::Dialect::kQuery ? kOpReply : kOpMsg));
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

}  // namespace readygate::scripted
