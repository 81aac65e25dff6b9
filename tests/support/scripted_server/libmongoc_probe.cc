// libmongoc-probe URI: the scripted server through the driver that readygate uses, once through all it must satisfy.
//
// Prints one line of JSON: what the driver made of the server. Ends with 1 and the driver's message on the first thing
// that did not go as it should. Tests run it; with a URI that must fail, they read the message.
#include <cstdio>
#include <memory>
#include <string>

#include <mongoc/mongoc.h>

#include "scripted_server/document.h"

namespace {

using readygate::scripted::Doc;

template <auto Function>
struct Call {
  template <typename T>
  void operator()(T* object) const {
    Function(object);
  }
};
using Uri = std::unique_ptr<mongoc_uri_t, Call<mongoc_uri_destroy>>;
using Pool = std::unique_ptr<mongoc_client_pool_t, Call<mongoc_client_pool_destroy>>;
using Server = std::unique_ptr<mongoc_server_description_t, Call<mongoc_server_description_destroy>>;

/// Runs one command as a write; prints and returns nothing when it fails.
bool run(mongoc_client_t* client, const char* json, Doc& reply) {
  const auto command = Doc::from_json(json);
  bson_t raw;
  bson_error_t error;
  const bool good = mongoc_client_write_command_with_opts(client, "probe", command->get(), nullptr, &raw, &error);
  reply = Doc(raw);
  bson_destroy(&raw);
  if (!good) std::fprintf(stderr, "%u/%u: %s\n", error.domain, error.code, error.message);
  return good;
}

int probe(const char* address) {
  bson_error_t error;
  const Uri uri(mongoc_uri_new_with_error(address, &error));
  const Pool pool(uri ? mongoc_client_pool_new(uri.get()) : nullptr);
  if (!pool) {
    std::fprintf(stderr, "bad uri\n");
    return 64;
  }
  mongoc_client_pool_set_error_api(pool.get(), MONGOC_ERROR_API_VERSION_2);
  mongoc_client_t* client = mongoc_client_pool_pop(pool.get());
  const Server server(mongoc_client_select_server(client, true, nullptr, &error));
  int result = 1;
  Doc reply;
  if (!server) {
    std::fprintf(stderr, "%u/%u: %s\n", error.domain, error.code, error.message);
  } else if (run(client, R"({"create": "items"})", reply) &&
             run(client, R"({"createIndexes": "items", "indexes": [{"key": {"a": 1}, "name": "a"}]})", reply) &&
             run(client, R"({"insert": "items", "documents": [{"_id": 1}]})", reply) &&
             run(client,
                 R"({"findAndModify": "items", "query": {"_id": 1}, "update": {"$set": {"n": 1}}, "new": true})",
                 reply)) {
    Doc line;
    line.add("type", mongoc_server_description_type(server.get())).add("value", reply.document("value"));
    std::puts(line.json().c_str());
    result = 0;
  }
  mongoc_client_pool_push(pool.get(), client);
  return result;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 64;
  mongoc_init();
  const int result = probe(arguments[1]);
  mongoc_cleanup();
  return result;
}
