// Which addresses may be asked, as pure functions: the rules against requests that a hostile name or redirect would
// like us to make.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct sockaddr;

namespace hearth::library {

/// Scheme, host and port: what credentials belong to.
struct Origin {
  std::string scheme;  // "https" or "http"
  std::string host;    // lower case; an IPv6 address without brackets
  std::uint16_t port = 0;
  friend bool operator==(const Origin&, const Origin&) = default;
  [[nodiscard]] std::string text() const;
};

/// An address taken apart by the parser that will also connect to it.
struct Url {
  Origin origin;
  std::string text;  // normalised
};

/// Hostile. http and https only, without user names.
Result<Url> parse_url(std::string_view text);
/// The address that `location` means on the page `base`.
Result<Url> parse_redirect(const Url& base, std::string_view location);

/// False for loopback, private, link-local, shared, multicast, documentation and other addresses that are not part of
/// the public internet, also when they come as IPv6 with an IPv4 inside.
bool is_public_address(const sockaddr* address);

/// True for hosts that are such an address by their very name. All that can be known where a proxy does the resolving.
bool names_private_host(const Origin& origin);

/// Who may be asked.
struct OutboundRules {
  Origin hub;                   // the configured one; the only one that sees the token
  std::vector<Origin> trusted;  // others that the owner named; may be private and unencrypted
  [[nodiscard]] bool trusts(const Origin& origin) const;
};

/// Whether `to` may be asked after `from` (null: it is the first). An unencrypted request goes to trusted origins only
/// and never follows an encrypted one.
Status check_hop(const OutboundRules& rules, const Origin* from, const Origin& to);

}  // namespace hearth::library
