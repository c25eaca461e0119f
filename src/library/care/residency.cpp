// Eviction, switching and idling.
#include "library/care/residency.h"

#include <algorithm>
#include <functional>
#include <utility>

#include <fmt/format.h>

namespace hearth::care {

namespace {

double in_gib(std::uint64_t n_bytes) {
  return static_cast<double>(n_bytes) / (1u << 30);
}

}  // namespace

Residency::Entry* Residency::find(std::string_view model) {
  const auto found = std::ranges::find(entries_, model, &Entry::model);
  return found == entries_.end() ? nullptr : &*found;
}

std::uint64_t Residency::sum() const {
  std::uint64_t total = 0;
  for (const Entry& entry : entries_) total += entry.bytes;
  return total;
}

std::string Residency::holders() const {
  std::string text;
  for (const Entry& entry : entries_) {
    text += fmt::format("{}{} {:.2f} GiB{}", text.empty() ? "" : ", ", entry.model, in_gib(entry.bytes),
                        entry.pin == Pin::kYes ? " (pinned)"
                        : entry.in_use()       ? " (in use)"
                                               : "");
  }
  return text.empty() ? "nothing" : text;
}

bool Residency::may_go(const Entry& entry, std::string_view spared) {
  return entry.pin == Pin::kNo && !entry.in_use() && entry.model != spared;
}

std::optional<std::vector<Residency::Entry>> Residency::make_room(std::uint64_t bytes, std::string_view spared) {
  std::vector<Entry*> leaving;
  std::uint64_t total = sum();
  std::vector<Entry*> oldest;
  for (Entry& entry : entries_) oldest.push_back(&entry);
  std::ranges::sort(oldest, {}, [](const Entry* entry) { return entry->last_used; });
  for (Entry* entry : oldest) {
    if (total + bytes <= options_.budget_bytes) break;
    if (!may_go(*entry, spared)) continue;
    leaving.push_back(entry);
    total -= entry->bytes;
  }
  if (total + bytes > options_.budget_bytes) return std::nullopt;
  std::vector<Entry> gone;
  for (Entry* entry : leaving) gone.push_back(std::move(*entry));
  std::erase_if(entries_, [](const Entry& entry) { return entry.loaded == nullptr; });
  return gone;
}

std::vector<Residency::Entry> Residency::take_oldest(std::string_view spared) {
  const std::lock_guard lock(mutex_);
  Entry* oldest = nullptr;
  for (Entry& entry : entries_) {
    if (may_go(entry, spared) && (!oldest || entry.last_used < oldest->last_used)) oldest = &entry;
  }
  std::vector<Entry> gone;
  if (oldest) gone.push_back(std::move(*oldest));
  std::erase_if(entries_, [](const Entry& entry) { return entry.loaded == nullptr; });
  return gone;
}

void Residency::let_go(std::vector<Entry> entries, const std::string& why) {
  for (Entry& entry : entries) {
    entry.loaded.reset();  // the memory is free before anybody hears of it
    tell({.kind = ResidencyEvent::Kind::kUnloaded, .model = entry.model, .why = why});
  }
}

Result<std::shared_ptr<LanguageModel>> Residency::bring(const std::string& model, const std::string& spared) {
  HEARTH_TRY(const std::uint64_t bytes, options_.predict(model));
  std::optional<std::vector<Entry>> gone;
  {
    const std::lock_guard lock(mutex_);
    gone = make_room(bytes, spared);
    if (!gone) {
      return fail(ErrorCode::kInsufficientMemory,
                  fmt::format("{} takes {:.2f} GiB of a budget of {:.2f}, which is held by {}; end what uses them, "
                              "unpin, or take a smaller model or context",
                              model, in_gib(bytes), in_gib(options_.budget_bytes), holders()));
    }
  }
  let_go(std::move(*gone), "room for " + model);
  tell({.kind = ResidencyEvent::Kind::kLoading, .model = model});
  const auto load = [&] {
    return options_.load(model, [&](std::uint64_t done, std::uint64_t total) {
      tell({.kind = ResidencyEvent::Kind::kProgress, .model = model, .done_bytes = done, .total_bytes = total});
    });
  };
  auto loaded = load();
  while (!loaded && loaded.error().code == ErrorCode::kInsufficientMemory) {  // others hold what the budget counts on
    std::vector<Entry> oldest = take_oldest(spared);
    if (oldest.empty()) break;
    let_go(std::move(oldest), "room for " + model);
    loaded = load();
  }
  if (!loaded) {
    tell({.kind = ResidencyEvent::Kind::kFailed, .model = model, .why = loaded.error().message});
    return std::unexpected(std::move(loaded.error()));
  }
  std::shared_ptr<LanguageModel> shared = std::move(*loaded);
  {
    const std::lock_guard lock(mutex_);
    entries_.push_back({.model = model,
                        .loaded = shared,
                        .bytes = bytes,
                        .last_used = options_.now(),
                        .keep_alive = options_.keep_alive});
  }
  tell({.kind = ResidencyEvent::Kind::kLoaded, .model = model});
  return shared;
}

Result<std::shared_ptr<LanguageModel>> Residency::use(const std::string& model) {
  const auto here = [&]() -> std::shared_ptr<LanguageModel> {
    const std::lock_guard lock(mutex_);
    Entry* entry = find(model);
    if (!entry) return nullptr;
    entry->last_used = options_.now();
    return entry->loaded;
  };
  if (auto loaded = here()) return loaded;
  const std::lock_guard one_at_a_time(loading_);
  if (auto loaded = here()) return loaded;  // somebody else loaded it meanwhile
  return bring(model, {});
}

Result<std::shared_ptr<LanguageModel>> Residency::switch_to(const std::string& model, const std::string& old) {
  const std::lock_guard one_at_a_time(loading_);
  {
    const std::lock_guard lock(mutex_);
    if (Entry* entry = find(model)) {
      entry->last_used = options_.now();
      return entry->loaded;
    }
  }
  auto beside = bring(model, old);  // room beside the old one
  if (beside || beside.error().code != ErrorCode::kInsufficientMemory) return beside;
  {
    const std::lock_guard lock(mutex_);
    Entry* entry = find(old);
    if (!entry || entry->in_use() || entry->pin == Pin::kYes) return beside;
  }
  auto instead = bring(model, {});
  bool old_is_here = false;
  {
    const std::lock_guard lock(mutex_);
    old_is_here = find(old) != nullptr;
  }
  if (instead || old_is_here) return instead;
  if (const auto back = bring(old, {}); !back) {
    return fail(instead.error().code, fmt::format("{}; and {} could not be loaded again: {}", instead.error().message,
                                                  old, back.error().message));
  }
  return std::unexpected(std::move(instead.error()).within(fmt::format("{} stays, since {} did not load", old, model)));
}

bool Residency::pin(std::string_view model, Pin pin) {
  const std::lock_guard lock(mutex_);
  Entry* entry = find(model);
  if (entry) entry->pin = pin;
  return entry != nullptr;
}

bool Residency::keep_alive(std::string_view model, std::chrono::seconds time) {
  const std::lock_guard lock(mutex_);
  Entry* entry = find(model);
  if (entry) entry->keep_alive = time;
  return entry != nullptr;
}

Status Residency::unload(std::string_view model) {
  std::vector<Entry> gone;
  {
    const std::lock_guard lock(mutex_);
    Entry* entry = find(model);
    if (!entry) return fail(ErrorCode::kFileNotFound, fmt::format("{} is not loaded", model));
    if (entry->in_use()) return fail(ErrorCode::kBusy, fmt::format("{} is in use; wait for its answers to end", model));
    gone.push_back(std::move(*entry));
    std::erase_if(entries_, [](const Entry& left) { return left.loaded == nullptr; });
  }
  let_go(std::move(gone), "asked");
  return {};
}

std::optional<Clock::time_point> Residency::collect_idle() {
  std::vector<Entry> gone;
  std::optional<Clock::time_point> next;
  {
    const std::lock_guard lock(mutex_);
    const Clock::time_point now = options_.now();
    for (Entry& entry : entries_) {
      if (entry.pin == Pin::kYes || entry.keep_alive.count() == 0) continue;
      if (entry.in_use()) entry.last_used = now;
      const Clock::time_point end = entry.last_used + entry.keep_alive;
      if (end <= now) {
        gone.push_back(std::move(entry));
      } else {
        next = std::min(next.value_or(end), end);
      }
    }
    std::erase_if(entries_, [](const Entry& entry) { return entry.loaded == nullptr; });
  }
  let_go(std::move(gone), "idle");
  return next;
}

std::vector<Residency::Resident> Residency::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<const Entry*> order;
  for (const Entry& entry : entries_) order.push_back(&entry);
  std::ranges::sort(order, std::greater(), [](const Entry* entry) { return entry->last_used; });
  std::vector<Resident> residents;
  for (const Entry* entry : order) {
    residents.push_back({.model = entry->model,
                         .bytes = entry->bytes,
                         .pinned = entry->pin == Pin::kYes,
                         .in_use = entry->in_use(),
                         .idle = std::chrono::duration_cast<std::chrono::seconds>(options_.now() - entry->last_used)});
  }
  return residents;
}

std::uint64_t Residency::used_bytes() const {
  const std::lock_guard lock(mutex_);
  return sum();
}

}  // namespace hearth::care
