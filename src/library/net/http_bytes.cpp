// Ranges of a remote file, read ahead.
#include "library/net/http_bytes.h"

#include <algorithm>

#include "library/fetch/transfer.h"
#include "library/net/hub.h"

#include <fmt/format.h>

namespace hearth::library {

namespace {

constexpr std::uint64_t kReadAhead = 1u << 20;  // vocabularies make headers of a few megabytes

}  // namespace

Status HttpBytes::fill(std::uint64_t offset, std::uint64_t n_wanted) {
  const std::uint64_t n = std::min(std::max(n_wanted, kReadAhead), n_bytes_ - offset);
  const HttpRequest request{.url = url_, .range = ByteRange{offset, n}, .most_bytes = n};
  for (int attempt = 1;; ++attempt) {
    held_.clear();
    begin_ = offset;
    bool first = true;
    const auto sink = [&](const HttpAnswer& answer, std::span<const std::byte> part) -> Status {
      if (std::exchange(first, false)) {
        HEARTH_CHECK(check_no_web_page(answer));
        if (answer.status == 206) {
          HEARTH_CHECK(check_content_range(answer, *request.range, n_bytes_));
        } else if (n != n_bytes_) {
          return fail(ErrorCode::kUnsupportedFormat,
                      fmt::format("{} gives whole files only, so nothing can be said before the download", url_));
        }
      }
      held_.insert(held_.end(), part.begin(), part.end());
      return {};
    };
    auto answer = client_.get(request, sink, stop_);
    n_transferred_ += held_.size();
    if (answer && held_.size() == n) return {};
    Error error = answer ? explain_refusal(client_, *answer, url_) : std::move(answer.error());
    const auto pause = pause_before_retry(attempt, client_.options().retry_unit, {});
    if (error.code != ErrorCode::kNetworkFailed || attempt >= client_.options().n_attempts || !pause)
      return std::unexpected(std::move(error));
    if (!wait_for(*pause, stop_)) return fail(ErrorCode::kCancelled, "cancelled");
  }
}

Status HttpBytes::read(std::uint64_t offset, std::span<std::byte> into) {
  if (offset > n_bytes_ || into.size() > n_bytes_ - offset)
    return fail(ErrorCode::kCorruptedModel,
                fmt::format("{} ends at byte {}, {} bytes from {} were wanted", url_, n_bytes_, into.size(), offset));
  if (into.empty()) return {};
  if (offset < begin_ || offset + into.size() > begin_ + held_.size()) HEARTH_CHECK(fill(offset, into.size()));
  std::copy_n(held_.begin() + static_cast<std::ptrdiff_t>(offset - begin_), into.size(), into.begin());
  return {};
}

}  // namespace hearth::library
