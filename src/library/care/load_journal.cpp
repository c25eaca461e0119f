// Tickets are files under a lock: one that is not locked any more belongs to a process that died.
#include "library/care/load_journal.h"

#include <algorithm>
#include <span>

#include "base/file.h"
#include "base/hash.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::care {

namespace {

using Json = nlohmann::json;

constexpr int kJournalVersion = 1;
constexpr std::uint64_t kMostBytes = 1 << 18;
constexpr std::size_t kMostDeaths = 64, kMostPath = 4096, kMostTickets = 8;
constexpr std::string_view kTicketPrefix = "ticket-";

Json to_json(const RiskyLoad& load) {
  return {{"model", load.model},
          {"size_bytes", load.size_bytes},
          {"n_ctx", load.running.n_ctx},
          {"ubatch", load.running.ubatch},
          {"kv", static_cast<int>(load.running.kv)},
          {"predicted_bytes", load.predicted_bytes},
          {"free_bytes", load.free_bytes}};
}

std::optional<RiskyLoad> parse_load(const Json& json) {
  const int kv = json.at("kv");
  RiskyLoad load{.model = json.at("model"),
                 .size_bytes = json.at("size_bytes"),
                 .running = {.n_ctx = json.at("n_ctx"), .ubatch = json.at("ubatch")},
                 .predicted_bytes = json.at("predicted_bytes"),
                 .free_bytes = json.at("free_bytes")};
  if (kv < 0 || kv > 2 || load.model.empty() || load.model.size() > kMostPath) return std::nullopt;
  load.running.kv = static_cast<KvStorage>(kv);
  return load;
}

std::vector<Deaths> parse_deaths(std::string_view text) {
  std::vector<Deaths> all;
  try {
    const Json json = Json::parse(text);
    if (json.at("version") != kJournalVersion) return {};
    for (const Json& entry : json.at("deaths")) {
      auto load = parse_load(entry.at("last"));
      const std::size_t n = entry.at("n");
      if (load && n > 0 && all.size() < kMostDeaths) all.push_back({std::move(*load), n});
    }
  } catch (const Json::exception&) {
    return {};
  }
  return all;
}

void write_deaths(const std::filesystem::path& path, std::span<const Deaths> all) {
  Json list = Json::array();
  for (const Deaths& deaths : all) list.push_back({{"last", to_json(deaths.last)}, {"n", deaths.n}});
  const std::string text =
      Json{{"version", kJournalVersion}, {"deaths", list}}.dump(1, ' ', false, Json::error_handler_t::replace);
  auto file = AtomicFileWriter::create(path);
  if (file && file->write(std::as_bytes(std::span(text)))) static_cast<void>(file->publish());
}

std::vector<Deaths> read_deaths(const std::filesystem::path& path) {
  const auto text = read_file(path, kMostBytes);
  return text ? parse_deaths(*text) : std::vector<Deaths>();
}

double gib(std::uint64_t n_bytes) {
  return static_cast<double>(n_bytes) / (1u << 30);
}

}  // namespace

void LoadJournal::collect() const {
  const std::filesystem::path known = folder_ / "deaths.json";
  std::vector<Deaths> all = read_deaths(known);
  bool changed = false;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kTicketPrefix) || !name.ends_with(FileBuild::kSuffix)) continue;
    const auto text = read_file(entry.path(), kMostBytes);
    if (!remove_abandoned_build(entry.path())) continue;  // its process lives
    std::optional<RiskyLoad> load;
    try {
      if (text) load = parse_load(Json::parse(*text));
    } catch (const Json::exception&) {
      load.reset();  // it died while it wrote
    }
    if (!load) continue;
    changed = true;
    const auto before = std::ranges::find(all, load->model, [](const Deaths& deaths) { return deaths.last.model; });
    if (before == all.end()) {
      all.push_back({std::move(*load), 1});
    } else {
      *before = {std::move(*load), before->n + 1};
    }
  }
  if (all.size() > kMostDeaths) all.erase(all.begin(), all.end() - kMostDeaths);
  if (changed) write_deaths(known, all);
}

std::vector<Deaths> LoadJournal::all_deaths() const {
  collect();
  return read_deaths(folder_ / "deaths.json");
}

std::optional<Deaths> LoadJournal::deaths(std::string_view model) const {
  for (Deaths& deaths : all_deaths()) {
    if (deaths.last.model == model) return std::move(deaths);
  }
  return std::nullopt;
}

Advice LoadJournal::advice(std::string_view model) const {
  const auto found = deaths(model);
  if (!found) return Advice::kGoOn;
  return found->n == 1 ? Advice::kSmaller : Advice::kRefuse;
}

std::optional<LoadTicket> LoadJournal::begin(const RiskyLoad& load) const {
  collect();  // or the ticket of a dead process would be written over
  std::error_code failed;
  std::filesystem::create_directories(folder_, failed);
  const std::string text = to_json(load).dump(-1, ' ', false, Json::error_handler_t::replace);
  for (std::size_t i = 0; i < kMostTickets; ++i) {  // several processes may load the same model
    Hash64 hash;
    hash.add(load.model);
    auto file = FileBuild::begin(folder_ / fmt::format("{}{:016x}-{}", kTicketPrefix, hash.value(), i));
    if (!file) return std::nullopt;
    if (!*file) continue;
    // Not synced: what is written survives the death of the process, and that is what this is about.
    if (!(*file)->write_at(0, std::as_bytes(std::span(text)))) return std::nullopt;
    return LoadTicket(std::move(**file));
  }
  return std::nullopt;
}

void LoadJournal::forget(std::string_view model) const {
  std::vector<Deaths> all = all_deaths();
  if (std::erase_if(all, [&](const Deaths& deaths) { return deaths.last.model == model; }) > 0)
    write_deaths(folder_ / "deaths.json", all);
}

std::string explain(const Deaths& deaths) {
  const RiskyLoad& load = deaths.last;
  std::string text = deaths.n == 1
                         ? fmt::format("the last time {} was loaded, the process died", load.model)
                         : fmt::format("the last {} times {} was loaded, the process died", deaths.n, load.model);
  if (load.predicted_bytes > 0) {
    text += fmt::format(" ({} positions; about {:.2f} GiB were needed, {:.2f} were free: {})", load.running.n_ctx,
                        gib(load.predicted_bytes), gib(load.free_bytes),
                        load.predicted_bytes * 10 > load.free_bytes * 9 ? "memory ran out, most likely"
                                                                        : "it was killed, or the file is damaged");
  }
  return text;
}

fit::Running with_less(const fit::Running& running) {
  constexpr std::size_t kLeast = 2048, kSmallBatch = 128;
  return {.n_ctx = std::min(running.n_ctx, std::max(kLeast, running.n_ctx / 2)),
          .ubatch = std::min(running.ubatch, kSmallBatch),
          .kv = KvStorage::kQ8_0};
}

}  // namespace hearth::care
