// Looking at what a server says before its bytes are believed.
#include <algorithm>
#include <cctype>
#include <charconv>

#include "library/fetch/transfer.h"
#include "library/names/model_name.h"
#include "library/net/hub.h"

#include <fmt/format.h>

namespace hearth::library {

namespace {

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

struct ContentRange {
  std::uint64_t first = 0, last = 0;
  std::optional<std::uint64_t> total;
};
std::optional<ContentRange> parse_content_range(std::string_view text) {
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  const std::size_t dash = text.find('-'), slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) return std::nullopt;
  const auto first = number_of(text.substr(0, dash)), last = number_of(text.substr(dash + 1, slash - dash - 1));
  if (!first || !last) return std::nullopt;
  return ContentRange{*first, *last, number_of(text.substr(slash + 1))};
}

}  // namespace

Status check_content_range(const HttpAnswer& answer, const ByteRange& range, std::uint64_t n_bytes) {
  const std::string header = answer.header("content-range");
  const auto found = parse_content_range(header);
  if (found && found->first == range.offset && found->last == range.offset + range.n_bytes - 1 &&
      found->total.value_or(n_bytes) == n_bytes)
    return {};
  return fail(ErrorCode::kInvalidResponse,
              fmt::format("bytes {} to {} of {} were asked for, the server sends \"{}\"", range.offset,
                          range.offset + range.n_bytes - 1, n_bytes, harmless(header)));
}

Status check_no_web_page(const HttpAnswer& answer) {
  std::string type = answer.header("content-type");
  for (char& c : type) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (!type.starts_with("text/html")) return {};
  return fail(
      ErrorCode::kInvalidResponse,
      fmt::format("{} answers with a web page instead of a model; is there a login page between this machine and "
                  "the network, or is it the address of a page and not of a file?",
                  harmless(answer.url)));
}

Result<RemoteFile> probe_remote(const HttpClient& client, const FetchRequest& request, const std::stop_token& stop) {
  const HttpRequest first_byte{.url = request.url, .range = ByteRange{0, 1}, .most_bytes = std::uint64_t{1} << 40};
  std::optional<HttpAnswer> seen;
  const auto sink = [&](const HttpAnswer& answer, std::span<const std::byte>) -> Status {
    seen = answer;
    return fail(ErrorCode::kCancelled, "enough is known");
  };
  for (int attempt = 1;; ++attempt) {
    seen.reset();
    auto got = client.get(first_byte, sink, stop);
    if (got && !seen) seen = *got;
    Error error{ErrorCode::kNetworkFailed, ""};
    if (seen && (seen->status == 200 || seen->status == 206)) {
      HEARTH_CHECK(check_no_web_page(*seen));
      RemoteFile remote;
      const auto range = parse_content_range(seen->header("content-range"));
      const auto size =
          seen->status == 206 ? (range ? range->total : std::nullopt) : number_of(seen->header("content-length"));
      if (!size || *size == 0 || *size > std::uint64_t{1} << 50)
        return fail(ErrorCode::kInvalidResponse,
                    fmt::format("the server does not say how large {} is, or says it is empty", request.what));
      remote.n_bytes = *size;
      remote.ranges = seen->status == 206;
      const std::string tag = seen->header("etag");
      if (!tag.starts_with("W/")) remote.entity = tag;
      return remote;
    }
    std::optional<std::chrono::seconds> asked;
    if (seen) {
      error = explain_refusal(client, *seen, request.what);
      asked = parse_retry_after(seen->header("retry-after"));
    } else if (!got) {
      error = std::move(got.error());
    }
    if (error.code != ErrorCode::kNetworkFailed) return std::unexpected(std::move(error));
    const auto pause = pause_before_retry(attempt, client.options().retry_unit, asked);
    if (!pause || attempt >= client.options().n_attempts) return std::unexpected(std::move(error));
    if (!wait_for(*pause, stop)) return fail(ErrorCode::kCancelled, "cancelled");
  }
}

}  // namespace hearth::library
