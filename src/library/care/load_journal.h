// The crash-loop breaker: what is about to be loaded is written down before, so that after a death the next start can
// say what happened, and load less or not at all instead of dying again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cache_file.h"
#include "base/result.h"
#include "library/fit/need.h"

namespace hearth::care {

/// A load that may end the process.
struct RiskyLoad {
  std::string model;  // its path
  std::uint64_t size_bytes = 0;
  fit::Running running;
  std::uint64_t predicted_bytes = 0, free_bytes = 0;  // when it began
};

/// Held while the load runs; destroyed, it says that the process lived on, whether the load succeeded or not.
class LoadTicket {
 public:
  explicit LoadTicket(FileBuild file) : file_(std::make_unique<FileBuild>(std::move(file))) {}

 private:
  std::unique_ptr<FileBuild> file_;
};

/// Loads of one model that ended a process.
struct Deaths {
  RiskyLoad last;
  std::size_t n = 0;  // in a row
};

enum class Advice : std::uint8_t {
  kGoOn,
  kSmaller,  // it died once: load it with less
  kRefuse,   // it died with less, too
};

/// The folder may be used by several processes at once; what is in it is hostile. A folder that cannot be written to
/// breaks no load: there is no ticket then, and no memory of deaths.
class LoadJournal {
 public:
  explicit LoadJournal(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Deaths of this model that no success has followed; finds those that happened since the last call.
  [[nodiscard]] std::optional<Deaths> deaths(std::string_view model) const;
  /// Of all models.
  [[nodiscard]] std::vector<Deaths> all_deaths() const;
  [[nodiscard]] Advice advice(std::string_view model) const;
  /// The load begins.
  [[nodiscard]] std::optional<LoadTicket> begin(const RiskyLoad& load) const;
  /// The model works: its deaths are forgotten.
  void forget(std::string_view model) const;

 private:
  void collect() const;
  std::filesystem::path folder_;
};

/// What the death was, for people: "loading X ended the process on the last start; 5.1 GiB were needed and 3 were
/// free".
std::string explain(const Deaths& deaths);
/// The same load with less: half the context down to 2048, keys and values in 8 bits, batches of 128.
fit::Running with_less(const fit::Running& running);

}  // namespace hearth::care
