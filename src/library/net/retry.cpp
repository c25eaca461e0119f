// When to ask again: later each time, never in step with others, and never before the server wishes.
#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <random>

#include "library/net/http_client.h"

namespace hearth::library {

std::optional<std::chrono::milliseconds> pause_before_retry(int n, std::chrono::milliseconds unit,
                                                            std::optional<std::chrono::seconds> retry_after) {
  constexpr int kMostUnits = 60;
  constexpr std::chrono::seconds kMostPatience{300};
  if (retry_after && *retry_after > kMostPatience) return std::nullopt;
  const std::int64_t units = std::min<std::int64_t>(std::int64_t{2} << std::min(n - 1, 10), kMostUnits);
  thread_local std::minstd_rand random(std::random_device{}());
  const std::int64_t most = units * unit.count();
  const std::int64_t least = std::max<std::int64_t>(most / 2, unit.count());
  std::chrono::milliseconds pause(std::uniform_int_distribution<std::int64_t>(least, std::max(least, most))(random));
  if (retry_after) pause = std::max<std::chrono::milliseconds>(pause, *retry_after);
  return pause;
}

std::optional<std::chrono::seconds> parse_retry_after(std::string_view text) {
  std::uint32_t seconds = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return std::chrono::seconds(seconds);
}

bool wait_for(std::chrono::milliseconds pause, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any wakeup;
  std::unique_lock lock(mutex);
  wakeup.wait_for(lock, stop, pause, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace hearth::library
