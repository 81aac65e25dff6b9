// The least that a program with both libmongoc and libcurl in it needs: one connection, idle. What the daemon's
// resident memory is compared with.
//
//   bench_minimal_idle URI    says "idle" once connected, and ends with its standard input
#include <cstdio>

#include <curl/curl.h>
#include <mongoc/mongoc.h>

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  curl_global_init(CURL_GLOBAL_DEFAULT);
  CURL* curl = curl_easy_init();
  mongoc_init();
  mongoc_client_t* client = mongoc_client_new(argv[1]);
  if (client == nullptr || curl == nullptr) return 1;
  bson_t* ping = BCON_NEW("ping", BCON_INT32(1));
  bson_error_t error;
  if (!mongoc_client_command_simple(client, "admin", ping, nullptr, nullptr, &error)) {
    std::fprintf(stderr, "%s\n", error.message);
    return 1;
  }
  bson_destroy(ping);
  std::puts("idle");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  mongoc_client_destroy(client);
  mongoc_cleanup();
  curl_easy_cleanup(curl);
  curl_global_cleanup();
  return 0;
}
