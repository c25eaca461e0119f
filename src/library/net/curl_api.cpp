// Finding libcurl and its functions at the first request.
#include "library/net/curl_api.h"

#include "base/shared_library.h"

#include <fmt/format.h>

namespace hearth::library {

namespace {

Result<CurlApi> load_curl() {
  Result<void*> library = load_shared_library("libcurl.so.4");
  if (!library) library = load_shared_library("libcurl.4.dylib");
  if (!library) {
    return fail(ErrorCode::kNotInitialised,
                fmt::format("the network needs libcurl, which is not installed (package libcurl4): {}",
                            library.error().message));
  }
  CurlApi api{};
  const char* absent = nullptr;
  const auto find = [&](auto& function, const char* name) {
    void* const symbol = find_symbol(*library, name);
    if (!symbol) absent = name;
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(symbol);
  };
  find(api.global_init, "curl_global_init");
  find(api.easy_init, "curl_easy_init");
  find(api.easy_cleanup, "curl_easy_cleanup");
  find(api.easy_reset, "curl_easy_reset");
  find(api.easy_setopt, "curl_easy_setopt");
  find(api.easy_strerror, "curl_easy_strerror");
  find(api.multi_init, "curl_multi_init");
  find(api.multi_cleanup, "curl_multi_cleanup");
  find(api.multi_add_handle, "curl_multi_add_handle");
  find(api.multi_remove_handle, "curl_multi_remove_handle");
  find(api.multi_perform, "curl_multi_perform");
  find(api.multi_poll, "curl_multi_poll");
  find(api.multi_info_read, "curl_multi_info_read");
  find(api.multi_strerror, "curl_multi_strerror");
  find(api.slist_append, "curl_slist_append");
  find(api.slist_free_all, "curl_slist_free_all");
  find(api.url, "curl_url");
  find(api.url_cleanup, "curl_url_cleanup");
  find(api.url_get, "curl_url_get");
  find(api.url_set, "curl_url_set");
  find(api.free, "curl_free");
  if (absent)
    return fail(ErrorCode::kNotInitialised,
                fmt::format("the network needs a newer libcurl: this one has no {}", absent));
  api.global_init(CURL_GLOBAL_DEFAULT);
  return api;
}

}  // namespace

Result<const CurlApi*> curl_api() {
  static const Result<CurlApi> api = load_curl();
  if (!api) return std::unexpected(api.error());
  return &*api;
}

}  // namespace hearth::library
