// Rates kept as a small JSON file.
#include "cli/device_speed.h"

#include <cmath>
#include <filesystem>
#include <vector>

#include "base/cpu_features.h"
#include "base/file.h"
#include "cli/tuning.h"
#include "measure/decode_rates.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kLargest = 1 << 16;

bool keeps(const Settings& settings) {
  return !settings.cache.empty() && settings.cache != "off";
}

std::string rates_key(const Settings& settings) {
  return fmt::format("{} | {} threads, {}", calibration_key(), settings.n_threads, settings.isa);
}

fit::DeviceSpeed parse_rates(std::string_view text, const std::string& key) {
  const auto sane = [](double rate) { return std::isfinite(rate) && rate > 0 && rate < 1e5; };
  fit::DeviceSpeed speed;
  try {
    const Json json = Json::parse(text);
    if (json.at("for") != key || !sane(json.at("read_gb_s"))) return {};
    speed.read_gb_s = json.at("read_gb_s");
    for (const auto& [name, rate] : json.at("types").items()) {
      for (const DTypeInfo& type : all_dtypes())
        if (type.name == name && sane(rate)) speed.type_gb_s[type.type] = rate;
    }
  } catch (const Json::exception&) {
    return {};
  }
  return speed;
}

void store_rates(const std::filesystem::path& path, const fit::DeviceSpeed& speed, const std::string& key) {
  Json types = Json::object();
  for (const auto& [type, rate] : speed.type_gb_s) types[std::string(dtype_info(type).name)] = rate;
  const std::string text = Json{{"for", key}, {"read_gb_s", speed.read_gb_s}, {"types", types}}.dump(2) + "\n";
  std::error_code failed;
  std::filesystem::create_directories(path.parent_path(), failed);
  auto file = AtomicFileWriter::create(path);
  if (file && file->write(std::as_bytes(std::span(text)))) static_cast<void>(file->publish());
}

std::filesystem::path rates_path(const Settings& settings) {
  return std::filesystem::path(settings.cache) / "rates.json";
}

}  // namespace

fit::DeviceSpeed stored_device_speed(const Settings& given) {
  if (!keeps(given)) return {};
  const Settings settings = tuned(given);
  const auto text = read_file(rates_path(settings), kLargest);
  return text ? parse_rates(*text, rates_key(settings)) : fit::DeviceSpeed();
}

fit::DeviceSpeed device_speed(const Settings& given, std::span<const DType> types) {
  const Settings settings = tuned(given);
  const std::string key = rates_key(settings);
  fit::DeviceSpeed speed = stored_device_speed(given);
  speed.n_threads = static_cast<int>(settings.n_threads);
  std::vector<DType> missing;
  for (const DType type : types)
    if (!speed.type_gb_s.contains(type)) missing.push_back(type);
  if (speed.read_gb_s > 0 && missing.empty()) return speed;
  const CpuFeatures cpu = detect_cpu_features();
  const kernels::KernelTable* table =
      settings.isa.empty() ? &kernels::best_table(cpu) : kernels::find_table(settings.isa);
  if (!table || !table->supported(cpu)) return speed;
  ThreadPool pool(settings.n_threads ? static_cast<int>(settings.n_threads) : default_thread_count());
  const auto rates = measure::measure_decode_rates(*table, pool, missing);
  if (!rates) return speed;
  if (speed.read_gb_s <= 0) speed.read_gb_s = rates->read_gb_s;
  speed.n_threads = rates->n_threads;
  speed.type_gb_s.insert(rates->type_gb_s.begin(), rates->type_gb_s.end());
  if (keeps(settings)) store_rates(rates_path(settings), speed, key);
  return speed;
}

std::string history_path(const Settings& settings) {
  return keeps(settings) ? (std::filesystem::path(settings.cache) / "loads.json").string() : std::string();
}

}  // namespace hearth::cli
