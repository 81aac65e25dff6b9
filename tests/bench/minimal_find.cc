// The least that a program using libmongoc can do: connect, one find, leave. What opening the gate on an unchanged
// schema is compared with.
//
//   bench_minimal_find URI DATABASE SCHEMA    says "found" or "none" once the answer is there
#include <cstdio>
#include <cstdlib>
#include <memory>

#include <mongoc/mongoc.h>

int main(int argc, char** argv) {
  if (argc != 4) return 64;
  mongoc_init();
  mongoc_client_t* client = mongoc_client_new(argv[1]);
  if (client == nullptr) return 1;
  mongoc_collection_t* collection = mongoc_client_get_collection(client, argv[2], "_readygate");
  bson_t* filter = BCON_NEW("_id", BCON_UTF8(argv[3]));
  mongoc_cursor_t* cursor = mongoc_collection_find_with_opts(collection, filter, nullptr, nullptr);
  const bson_t* document = nullptr;
  const bool found = mongoc_cursor_next(cursor, &document);
  bson_error_t error;
  if (mongoc_cursor_error(cursor, &error)) {
    std::fprintf(stderr, "%s\n", error.message);
    return 1;
  }
  std::puts(found ? "found" : "none");
  std::fflush(stdout);
  mongoc_cursor_destroy(cursor);
  bson_destroy(filter);
  mongoc_collection_destroy(collection);
  mongoc_client_destroy(client);
  mongoc_cleanup();
  return 0;
}
