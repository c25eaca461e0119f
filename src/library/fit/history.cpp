// The history of loads as JSON.
#include "library/fit/history.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <tuple>
#include <utility>

#include "base/file.h"

#include <nlohmann/json.hpp>

namespace hearth::fit {

namespace {

using Json = nlohmann::json;

constexpr int kVersion = 1;
constexpr std::uint64_t kMostBytes = 1 << 20;
constexpr std::size_t kMostRecords = 256, kMostText = 300;

bool is_honest(const LoadRecord& record) {
  const auto finite = [](double value) { return std::isfinite(value) && value >= 0 && value < 1e9; };
  return !record.model.empty() && record.model.size() <= kMostText && record.device.size() <= kMostText &&
         finite(record.predicted_tok_s) && finite(record.measured_tok_s);
}

std::optional<LoadRecord> parse_record(const Json& json) {
  LoadRecord record{.device = json.at("device"),
                    .model = json.at("model"),
                    .predicted_bytes = json.at("predicted_bytes"),
                    .measured_bytes = json.at("measured_bytes"),
                    .predicted_tok_s = json.at("predicted_tok_s"),
                    .measured_tok_s = json.at("measured_tok_s")};
  return is_honest(record) ? std::optional(std::move(record)) : std::nullopt;
}

/// 1 and 0 when there is none.
std::pair<double, std::size_t> median_ratio(std::vector<double> ratios) {
  std::erase_if(ratios, [](double ratio) { return ratio < 0.5 || ratio > 2; });
  if (ratios.empty()) return {1, 0};
  std::ranges::sort(ratios);
  return {ratios[ratios.size() / 2], ratios.size()};
}

}  // namespace

LoadHistory LoadHistory::parse(std::string_view text) {
  LoadHistory history;
  try {
    const Json json = Json::parse(text);
    if (json.at("version") != kVersion) return {};
    for (const Json& entry : json.at("loads")) {
      if (auto record = parse_record(entry)) history.add(std::move(*record));
    }
  } catch (const Json::exception&) {
    return {};
  }
  return history;
}

LoadHistory LoadHistory::read(const std::filesystem::path& path) {
  const auto text = read_file(path, kMostBytes);
  return text ? parse(*text) : LoadHistory();
}

std::string LoadHistory::json() const {
  Json loads = Json::array();
  for (const LoadRecord& r : records_) {
    loads.push_back({{"device", r.device},
                     {"model", r.model},
                     {"predicted_bytes", r.predicted_bytes},
                     {"measured_bytes", r.measured_bytes},
                     {"predicted_tok_s", r.predicted_tok_s},
                     {"measured_tok_s", r.measured_tok_s}});
  }
  return Json{{"version", kVersion}, {"loads", loads}}.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

void LoadHistory::add(LoadRecord record) {
  if (!is_honest(record)) return;
  records_.push_back(std::move(record));
  if (records_.size() > kMostRecords) records_.erase(records_.begin());
}

Status LoadHistory::write(const std::filesystem::path& path) const {
  HEARTH_TRY(auto file, AtomicFileWriter::create(path));
  const std::string text = json();
  HEARTH_CHECK(file.write(std::as_bytes(std::span(text))));
  return file.publish();
}

Correction LoadHistory::correction(std::string_view device, std::string_view model) const {
  std::vector<double> memory, own_speed, any_speed;
  for (const LoadRecord& r : records_) {
    if (r.device != device) continue;
    const bool own = r.model == model;
    if (own && r.predicted_bytes > 0 && r.measured_bytes > 0)
      memory.push_back(static_cast<double>(r.measured_bytes) / static_cast<double>(r.predicted_bytes));
    if (r.predicted_tok_s <= 0 || r.measured_tok_s <= 0) continue;
    any_speed.push_back(r.measured_tok_s / r.predicted_tok_s);
    if (own) own_speed.push_back(any_speed.back());
  }
  Correction out;
  std::tie(out.memory, out.n_memory) = median_ratio(std::move(memory));
  std::tie(out.speed, out.n_speed) = median_ratio(own_speed.empty() ? std::move(any_speed) : std::move(own_speed));
  return out;
}

const LoadRecord* LoadHistory::last(std::string_view device, std::string_view model) const {
  const auto found = std::find_if(records_.rbegin(), records_.rend(),
                                  [&](const LoadRecord& r) { return r.device == device && r.model == model; });
  return found == records_.rend() ? nullptr : &*found;
}

}  // namespace hearth::fit
