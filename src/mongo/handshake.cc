#include "mongo/handshake.h"

#include <string_view>

#include "mongo/handles.h"

namespace readygate::mongo {

tl::expected<Handshake, core::Failure> shake_hands(Client& client) {
  const std::int64_t started = bson_get_monotonic_time();
  bson_error_t error{};
  const auto failed = [&] {
    const Millis elapsed((bson_get_monotonic_time() - started) / 1000);
    return tl::unexpected(client.failure(error, nullptr, core::Doing::kConnect, elapsed));
  };
  const ServerHandle selected{mongoc_client_select_server(client.get(), true, nullptr, &error)};
  if (!selected) return failed();
  const ServerHandle server{mongoc_client_get_handshake_description(
      client.get(), mongoc_server_description_id(selected.get()), nullptr, &error)};
  if (!server) return failed();
  const bson_t* hello = mongoc_server_description_hello_response(server.get());
  Handshake handshake;
  bson_iter_t iter;
  if (bson_iter_init_find(&iter, hello, "maxWireVersion")) {
    handshake.wire_version = static_cast<std::int32_t>(bson_iter_as_int64(&iter));
  }
  const bool mongos = bson_iter_init_find(&iter, hello, "msg") && BSON_ITER_HOLDS_UTF8(&iter) &&
                      std::string_view(bson_iter_utf8(&iter, nullptr)) == "isdbgrid";
  handshake.transactions = mongos || bson_iter_init_find(&iter, hello, "setName");
  return handshake;
}

}  // namespace readygate::mongo
