// What loads really took on this device: kept in a small file, so that the next prediction for the same model is right
// and every prediction can be shown beside what came of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::fit {

struct LoadRecord {
  std::string device;  // names processor, threads and kernels
  std::string model;   // file name and size
  std::uint64_t predicted_bytes = 0, measured_bytes = 0;
  double predicted_tok_s = 0, measured_tok_s = 0;  // 0: not measured
};

/// What to multiply a prediction with.
struct Correction {
  double memory = 1, speed = 1;
  std::size_t n_memory = 0, n_speed = 0;  // measurements behind it
};

class LoadHistory {
 public:
  /// A file that is not there, too large, damaged or of another version is an empty history.
  static LoadHistory read(const std::filesystem::path& path);
  /// Of hostile bytes.
  static LoadHistory parse(std::string_view json);
  [[nodiscard]] std::string json() const;

  /// The oldest of too many records go.
  void add(LoadRecord record);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;

  /// The median of what was measured of this model on this device; of speed also of other models, since what makes one
  /// slow makes all slow. Within a factor of two: what is further off was disturbed.
  [[nodiscard]] Correction correction(std::string_view device, std::string_view model) const;
  /// The newest record of this model on this device.
  [[nodiscard]] const LoadRecord* last(std::string_view device, std::string_view model) const;
  [[nodiscard]] const std::vector<LoadRecord>& records() const { return records_; }

 private:
  std::vector<LoadRecord> records_;  // oldest first
};

}  // namespace hearth::fit
