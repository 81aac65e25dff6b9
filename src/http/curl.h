// libcurl, loaded when the first request needs it: with it come some twenty libraries (LDAP, Kerberos, SSH), which cost
// a daemon that only talks to its database several MiB and milliseconds of every start.
#pragma once

#include <curl/curl.h>

#include "base/error.h"

namespace readygate::http {

// The functions that we call, as curl.h declares them; each name without its "curl_".
struct Curl {
  decltype(&::curl_global_init) global_init = nullptr;
  decltype(&::curl_easy_init) easy_init = nullptr;
  decltype(&::curl_easy_setopt) easy_setopt = nullptr;
  decltype(&::curl_easy_perform) easy_perform = nullptr;
  decltype(&::curl_easy_getinfo) easy_getinfo = nullptr;
  decltype(&::curl_easy_reset) easy_reset = nullptr;
  decltype(&::curl_easy_cleanup) easy_cleanup = nullptr;
  decltype(&::curl_easy_strerror) easy_strerror = nullptr;
  decltype(&::curl_slist_append) slist_append = nullptr;
  decltype(&::curl_slist_free_all) slist_free_all = nullptr;
};

// Loads and initializes it at the first call, from any thread; it stays until the process ends. Fails with kInternal,
// always if once.
Result<const Curl*> libcurl();

}  // namespace readygate::http
