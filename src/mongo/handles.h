// libmongoc's handles, each with one owner.
#pragma once

#include <memory>

#include <mongoc/mongoc.h>

namespace readygate::mongo {

template <auto destroy>
struct Destroy {
  template <typename T>
  void operator()(T* handle) const {
    destroy(handle);
  }
};

using UriHandle = std::unique_ptr<mongoc_uri_t, Destroy<mongoc_uri_destroy>>;
using PoolHandle = std::unique_ptr<mongoc_client_pool_t, Destroy<mongoc_client_pool_destroy>>;
using ClientHandle = std::unique_ptr<mongoc_client_t, Destroy<mongoc_client_destroy>>;
using DatabaseHandle = std::unique_ptr<mongoc_database_t, Destroy<mongoc_database_destroy>>;
using CollectionHandle = std::unique_ptr<mongoc_collection_t, Destroy<mongoc_collection_destroy>>;
using CursorHandle = std::unique_ptr<mongoc_cursor_t, Destroy<mongoc_cursor_destroy>>;
using ServerHandle = std::unique_ptr<mongoc_server_description_t, Destroy<mongoc_server_description_destroy>>;
using CallbacksHandle = std::unique_ptr<mongoc_apm_callbacks_t, Destroy<mongoc_apm_callbacks_destroy>>;
using WriteConcernHandle = std::unique_ptr<mongoc_write_concern_t, Destroy<mongoc_write_concern_destroy>>;
using ReadConcernHandle = std::unique_ptr<mongoc_read_concern_t, Destroy<mongoc_read_concern_destroy>>;
using ReadPrefsHandle = std::unique_ptr<mongoc_read_prefs_t, Destroy<mongoc_read_prefs_destroy>>;
using SessionHandle = std::unique_ptr<mongoc_client_session_t, Destroy<mongoc_client_session_destroy>>;
using TransactionOptionsHandle = std::unique_ptr<mongoc_transaction_opt_t, Destroy<mongoc_transaction_opts_destroy>>;

}  // namespace readygate::mongo
