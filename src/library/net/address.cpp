// Addresses and origins.
#include "library/net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <memory>

#include "library/names/model_name.h"
#include "library/net/curl_api.h"

#include <fmt/format.h>

namespace hearth::library {

namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { (*curl_api())->url_cleanup(url); }
  void operator()(char* text) const { (*curl_api())->free(text); }
};
using UrlHandle = std::unique_ptr<CURLU, FreeUrl>;

std::string part(CURLU* url, CURLUPart what, unsigned flags = 0) {
  char* raw = nullptr;
  if ((*curl_api())->url_get(url, what, &raw, flags) != CURLUE_OK) return {};
  const std::unique_ptr<char, FreeUrl> text(raw);
  return text.get();
}

std::unexpected<Error> refuse_url(std::string_view text, std::string_view why) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("the address \"{}\" {}", harmless(text), why));
}

Result<Url> take_apart(CURLU* handle, std::string_view text) {
  Url url;
  url.origin.scheme = part(handle, CURLUPART_SCHEME);
  if (url.origin.scheme != "https" && url.origin.scheme != "http") return refuse_url(text, "is neither https nor http");
  if (!part(handle, CURLUPART_USER).empty() || !part(handle, CURLUPART_PASSWORD).empty())
    return refuse_url(text, "holds a user name or password");
  url.origin.host = part(handle, CURLUPART_HOST);
  if (url.origin.host.starts_with('[') && url.origin.host.ends_with(']'))
    url.origin.host = url.origin.host.substr(1, url.origin.host.size() - 2);
  for (char& c : url.origin.host) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (url.origin.host.empty()) return refuse_url(text, "names no host");
  const std::string port = part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  const auto read = std::from_chars(port.data(), port.data() + port.size(), url.origin.port);
  if (read.ec != std::errc() || url.origin.port == 0) return refuse_url(text, "has an impossible port");
  (*curl_api())->url_set(handle, CURLUPART_FRAGMENT, nullptr, 0);
  url.text = part(handle, CURLUPART_URL);
  return url;
}

/// The ranges of the IANA special-purpose registry that are not globally reachable.
struct Range4 {
  std::uint32_t base;
  int bits;
};
constexpr std::array kNotPublic4 = std::to_array<Range4>({
    {0x00000000, 8},   // this network
    {0x0a000000, 8},   // private
    {0x64400000, 10},  // shared by carriers
    {0x7f000000, 8},   // loopback
    {0xa9fe0000, 16},  // link-local, with the metadata services of clouds
    {0xac100000, 12},  // private
    {0xc0000000, 24},  // protocol assignments
    {0xc0000200, 24},  // documentation
    {0xc0586300, 24},  // 6to4 relays
    {0xc0a80000, 16},  // private
    {0xc6120000, 15},  // benchmarks
    {0xc6336400, 24},  // documentation
    {0xcb007100, 24},  // documentation
    {0xe0000000, 3},   // multicast, reserved, broadcast
});

bool is_public_v4(std::uint32_t address) {
  return std::ranges::none_of(kNotPublic4,
                              [&](const Range4& range) { return (address ^ range.base) >> (32 - range.bits) == 0; });
}

std::uint32_t v4_at(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

bool is_public_v6(const std::uint8_t* b) {
  const auto zeros = [&](int from, int to) {
    return std::all_of(b + from, b + to, [](std::uint8_t x) { return x == 0; });
  };
  if (zeros(0, 10) && b[10] == 0xff && b[11] == 0xff) return is_public_v4(v4_at(b + 12));  // mapped
  if (zeros(0, 12)) return false;                                      // unspecified, loopback, compatible
  if (b[0] == 0x00 && b[1] == 0x64 && b[2] == 0xff && b[3] == 0x9b) {  // translated: 64:ff9b::/96
    return zeros(4, 12) && is_public_v4(v4_at(b + 12));
  }
  if (b[0] == 0x20 && b[1] == 0x02) return is_public_v4(v4_at(b + 2));             // 6to4
  if (b[0] == 0x20 && b[1] == 0x01 && b[2] < 0x02) return false;                   // Teredo and protocol assignments
  if (b[0] == 0x20 && b[1] == 0x01 && b[2] == 0x0d && b[3] == 0xb8) return false;  // documentation
  return (b[0] & 0xe0) == 0x20;                                                    // 2000::/3 alone is global unicast
}

}  // namespace

std::string Origin::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}", scheme, v6 ? "[" : "", host, v6 ? "]" : "", port);
}

Result<Url> parse_url(std::string_view text) {
  HEARTH_TRY(const CurlApi* const curl, curl_api());
  const UrlHandle handle(curl->url());
  if (!handle) return fail(ErrorCode::kInsufficientMemory, "no memory for an address");
  if (text.find('\0') != std::string_view::npos) return refuse_url(text, "holds a zero byte");
  if (curl->url_set(handle.get(), CURLUPART_URL, std::string(text).c_str(), 0) != CURLUE_OK)
    return refuse_url(text, "cannot be understood");
  return take_apart(handle.get(), text);
}

Result<Url> parse_redirect(const Url& base, std::string_view location) {
  HEARTH_TRY(const CurlApi* const curl, curl_api());
  const UrlHandle handle(curl->url());
  if (!handle) return fail(ErrorCode::kInsufficientMemory, "no memory for an address");
  if (location.empty() || location.find('\0') != std::string_view::npos ||
      curl->url_set(handle.get(), CURLUPART_URL, base.text.c_str(), 0) != CURLUE_OK ||
      curl->url_set(handle.get(), CURLUPART_URL, std::string(location).c_str(), 0) != CURLUE_OK)
    return refuse_url(location, "that a redirect leads to cannot be understood");
  return take_apart(handle.get(), location);
}

bool is_public_address(const sockaddr* address) {
  if (address->sa_family == AF_INET)
    return is_public_v4(ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr));
  if (address->sa_family == AF_INET6)
    return is_public_v6(reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr.s6_addr);
  return false;
}

bool names_private_host(const Origin& origin) {
  if (origin.host == "localhost" || origin.host.ends_with(".localhost")) return true;
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  if (inet_pton(AF_INET, origin.host.c_str(), &v4.sin_addr) == 1)
    return !is_public_address(reinterpret_cast<const sockaddr*>(&v4));
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  return inet_pton(AF_INET6, origin.host.c_str(), &v6.sin6_addr) == 1 &&
         !is_public_address(reinterpret_cast<const sockaddr*>(&v6));
}

bool OutboundRules::trusts(const Origin& origin) const {
  return origin == hub || std::ranges::find(trusted, origin) != trusted.end();
}

Status check_hop(const OutboundRules& rules, const Origin* from, const Origin& to) {
  if (to.scheme == "https") return {};
  if (from && from->scheme == "https")
    return fail(ErrorCode::kNetworkFailed,
                fmt::format("{} redirects to {}, which is not encrypted; refused", from->text(), to.text()));
  if (rules.trusts(to)) return {};
  return fail(
      ErrorCode::kNetworkFailed,
      fmt::format("{} is not encrypted, and neither the configured hub nor a trusted origin; use https", to.text()));
}

}  // namespace hearth::library
