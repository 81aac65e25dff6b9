#include "http/curl.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace readygate::http {
namespace {

// The name of its binary interface, which is that of curl.h since 2006.
constexpr const char* kLibrary = "libcurl.so.4";

template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

tl::unexpected<Error> unusable(const char* why) {
  return fail(Reason::kInternal,
              fmt::format("{} cannot be used: {}; install libcurl 7.87 or newer (Debian: libcurl4)", kLibrary, why));
}

Result<Curl> load() {
  void* library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return unusable(::dlerror());
  Curl curl;
  const bool whole =
      find(library, "curl_global_init", curl.global_init) && find(library, "curl_easy_init", curl.easy_init) &&
      find(library, "curl_easy_setopt", curl.easy_setopt) && find(library, "curl_easy_perform", curl.easy_perform) &&
      find(library, "curl_easy_getinfo", curl.easy_getinfo) && find(library, "curl_easy_reset", curl.easy_reset) &&
      find(library, "curl_easy_cleanup", curl.easy_cleanup) &&
      find(library, "curl_easy_strerror", curl.easy_strerror) &&
      find(library, "curl_slist_append", curl.slist_append) &&
      find(library, "curl_slist_free_all", curl.slist_free_all);
  if (!whole) return unusable(::dlerror());  // names the one that is not there
  if (const CURLcode code = curl.global_init(CURL_GLOBAL_DEFAULT); code != CURLE_OK) {
    return unusable(curl.easy_strerror(code));
  }
  return curl;
}

}  // namespace

Result<const Curl*> libcurl() {
  static const Result<Curl> kLoaded = load();
  if (!kLoaded) return tl::unexpected(kLoaded.error());
  return &*kLoaded;
}

}  // namespace readygate::http
