// hearth cache: what is kept of models for a fast start, and giving the space back.
#include <algorithm>
#include <chrono>

#include "cli/command.h"
#include "cli/console.h"
#include "cli/metadata_text.h"
#include "kernels/layout.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

constexpr std::uint64_t kGigabyte = 1'000'000'000;

/// "2026-03-01 18:05", UTC.
std::string time_text(std::filesystem::file_time_type time) {
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::file_clock::to_sys(time).time_since_epoch());
  return fmt::format("{:%Y-%m-%d %H:%M}", fmt::gmtime(static_cast<std::time_t>(seconds.count())));
}

class Cache final : public Command {
 public:
  void declare(Flags& flags) override {
    flags.argument("ACTION", action_, "list (default), verify (read everything, remove what is damaged) or clear");
    flags.count("--limit", limit_gb_, 0, kMaxCacheGb, "Remove the files used longest ago until at most N GB remain");
    flags.text("--cache", cache_, "DIR", "The folder (default: HEARTH_CACHE, else the one of this user)");
    flags.toggle("--json", json_, "Print the list as JSON");
  }

  Outcome run(const Settings& settings) override {
    const std::string action = action_.value_or("list");
    if (action != "list" && action != "verify" && action != "clear")
      return usage_error(fmt::format("there is no action \"{}\"; use list, verify or clear", action));
    const auto options = cache_options(cache_, settings);
    if (!options) {
      HEARTH_CHECK(print("the cache is off: neither --cache nor HEARTH_CACHE names a folder\n"));
      return kOk;
    }
    const PackedCache cache(*options);
    if (action == "clear") return tell_freed(cache.shrink_to(0));
    if (action == "verify") return verify(cache, settings);
    if (limit_gb_) return tell_freed(cache.shrink_to(*limit_gb_ * kGigabyte));
    return list(cache, *options);
  }

 private:
  static Outcome tell_freed(std::uint64_t n_bytes) {
    HEARTH_CHECK(print(fmt::format("{} given back\n", bytes_text(n_bytes))));
    return kOk;
  }

  /// What the list says of a file beside its size.
  static std::string state_of(const PackedCache::Item& item) {
    std::error_code ignored;
    if (!item.flaw.empty()) return "unusable";
    if (item.key.layout != kernels::kPanelLayout) return "of another version";
    return std::filesystem::exists(item.source_path, ignored) ? "ready" : "model is gone";
  }

  [[nodiscard]] Outcome list(const PackedCache& cache, const CacheOptions& options) const {
    const auto items = cache.list();
    std::uint64_t total = 0;
    for (const PackedCache::Item& item : items) total += item.n_bytes;
    const std::uint64_t limit = options.limit_bytes ? options.limit_bytes : cache.default_limit().value_or(0);
    if (json_) return list_json(items, options, limit);
    std::string text = fmt::format("{}: {} in {} files{}\n", options.folder.string(), bytes_text(total), items.size(),
                                   limit ? fmt::format(", at most {}", bytes_text(limit)) : "");
    for (const PackedCache::Item& item : items) {
      text += fmt::format("  {:>10}  {}  {:18}  {}\n", bytes_text(item.n_bytes), time_text(item.last_used),
                          state_of(item), item.flaw.empty() ? quote_untrusted(item.source_path) : item.flaw);
    }
    HEARTH_CHECK(print(text));
    return kOk;
  }

  static Outcome list_json(const std::vector<PackedCache::Item>& items, const CacheOptions& options,
                           std::uint64_t limit) {
    nlohmann::json files = nlohmann::json::array();
    for (const PackedCache::Item& item : items) {
      files.push_back({{"path", item.path.string()},
                       {"bytes", item.n_bytes},
                       {"last_used", time_text(item.last_used)},
                       {"model", item.source_path},
                       {"state", state_of(item)}});
    }
    const nlohmann::json all = {{"folder", options.folder.string()}, {"limit_bytes", limit}, {"files", files}};
    HEARTH_CHECK(print(all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"));
    return kOk;
  }

  static Outcome verify(const PackedCache& cache, const Settings& settings) {
    ThreadPool pool(settings.n_threads ? static_cast<int>(settings.n_threads) : default_thread_count());
    std::size_t n_damaged = 0;
    const auto items = cache.list();
    for (const PackedCache::Item& item : items) {
      const auto packed = PackedFile::open(item.path);
      const Status whole = packed ? packed->verify(pool) : std::unexpected(packed.error());
      HEARTH_CHECK(print(fmt::format("{}  {}\n", whole ? "whole  " : "damaged",
                                     whole ? quote_untrusted(item.source_path) : whole.error().message)));
      if (whole) continue;
      ++n_damaged;
      std::error_code ignored;
      std::filesystem::remove(item.path, ignored);
    }
    if (n_damaged == 0) return kOk;
    return std::unexpected(Failure(
        {ErrorCode::kCorruptedModel, fmt::format("{} of {} files were damaged and are removed; they are made anew when "
                                                 "their models start",
                                                 n_damaged, items.size())}));
  }

  std::optional<std::string> action_;
  std::optional<std::size_t> limit_gb_;
  std::string cache_;
  bool json_ = false;
};

}  // namespace

CommandInfo cache_command() {
  return {.name = "cache",
          .summary = "Show or clear what is kept for fast starts",
          .description =
              "The first start of a model keeps its weights as the kernels read them; later starts map that file.\n"
              "Shows the files with the time (UTC) of their last use. Removing them costs nothing but a slower start.",
          .examples = "  hearth cache\n  hearth cache --limit 20\n  hearth cache verify\n  hearth cache clear",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<Cache>(); }};
}

}  // namespace hearth::cli
