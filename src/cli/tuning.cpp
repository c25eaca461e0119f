// Calibration kept as a small JSON file.
#include "cli/tuning.h"

#include <filesystem>

#include "base/cpu_features.h"
#include "base/file.h"
#include "device/cores.h"
#include "hearth/version.h"
#include "kernels/table.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kFileLimit = 1 << 16;

std::filesystem::path file_in(const std::string& folder) {
  return std::filesystem::path(folder) / "calibration.json";
}

bool keeps_nothing(const std::string& folder) {
  return folder.empty() || folder == "off";
}

/// A folder that cannot be written to costs the next start another measurement, nothing else.
void store(const std::string& folder, const std::string& json) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  auto file = AtomicFileWriter::create(file_in(folder));
  if (file && file->write(std::as_bytes(std::span(json)))) static_cast<void>(file->publish());
}

}  // namespace

std::string calibration_key() {
  const CpuFeatures cpu = detect_cpu_features();
  const CoreCounts cores = count_cores(usable_cores());
  std::string key = fmt::format("{} | {} | {} big, {} physical, {} logical |", kVersion, cpu.model_name, cores.big,
                                cores.physical, cores.logical);
  for (const kernels::KernelTable* table : kernels::all_tables()) {
    if (table->supported(cpu)) key += fmt::format(" {}", table->name);
  }
  return key;
}

std::string calibration_json(const measure::Calibration& calibration, const std::string& key) {
  Json tables = Json::array(), threads = Json::array();
  for (const measure::TableTrial& trial : calibration.tables) {
    tables.push_back({{"isa", trial.isa},
                      {"one_column_gop_s", trial.one_column_gop_s},
                      {"many_columns_gop_s", trial.many_columns_gop_s}});
  }
  for (const measure::ThreadTrial& trial : calibration.threads)
    threads.push_back({{"threads", trial.n_threads}, {"read_gb_s", trial.read_gb_s}});
  const Json json = {{"for", key},
                     {"isa", calibration.isa},
                     {"threads", calibration.n_threads},
                     {"tables", tables},
                     {"thread_trials", threads}};
  return json.dump(2) + "\n";
}

std::optional<measure::Calibration> parse_calibration(std::string_view text, const std::string& key) {
  try {
    const Json json = Json::parse(text);
    if (json.at("for") != key) return std::nullopt;
    measure::Calibration calibration;
    calibration.isa = json.at("isa");
    calibration.n_threads = json.at("threads");
    for (const Json& trial : json.at("tables"))
      calibration.tables.push_back({trial.at("isa"), trial.at("one_column_gop_s"), trial.at("many_columns_gop_s")});
    for (const Json& trial : json.at("thread_trials"))
      calibration.threads.push_back({trial.at("threads"), trial.at("read_gb_s")});
    const kernels::KernelTable* table = kernels::find_table(calibration.isa);
    if (!table || !table->supported(detect_cpu_features())) return std::nullopt;
    if (calibration.n_threads < 1 || calibration.n_threads > static_cast<int>(kMaxThreads)) return std::nullopt;
    return calibration;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

std::optional<measure::Calibration> stored_calibration(const std::string& folder) {
  if (keeps_nothing(folder)) return std::nullopt;
  const auto text = read_file(file_in(folder), kFileLimit);
  return text ? parse_calibration(*text, calibration_key()) : std::nullopt;
}

Settings tuned(Settings settings) {
  if (keeps_nothing(settings.cache) || (settings.n_threads != 0 && !settings.isa.empty())) return settings;
  std::optional<measure::Calibration> known = stored_calibration(settings.cache);
  if (!known) {
    auto made = measure::calibrate(count_cores(usable_cores()));
    if (!made) return settings;
    store(settings.cache, calibration_json(*made, calibration_key()));
    known = std::move(*made);
  }
  if (settings.n_threads == 0) settings.n_threads = static_cast<std::size_t>(known->n_threads);
  if (settings.isa.empty()) settings.isa = known->isa;
  return settings;
}

}  // namespace hearth::cli
