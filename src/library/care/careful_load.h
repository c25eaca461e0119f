// Loading with care, for every program that loads: refused when the memory is not there, written down so that a death
// is explained at the next start, and smaller then.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "engine/registry.h"
#include "library/care/load_journal.h"
#include "library/fit/need.h"
#include "library/fit/speed.h"
#include "library/model_report.h"

namespace hearth::care {

/// What is known of a model before it is loaded.
struct Foreseen {
  std::string path, key;
  std::uint64_t size_bytes = 0;
  PlannedModel model;
  fit::DecodeWork work;
};
/// From the header alone; nothing of files of other engines.
std::optional<Foreseen> foresee(const std::filesystem::path& path, KvStorage kv);
/// What the load counts with: a context nobody asked for (0) counts with what most conversations take, since keys and
/// values take memory as they grow.
fit::Running counted(const fit::Running& running, const Foreseen& foreseen);

struct CareOptions {
  std::filesystem::path journal;  // the folder where loads are written down; empty: they are not
  std::uint64_t max_bytes = 0;    // what the model may take; 0: what is free
  /// kForced: load even where memory is short, or where loading it ended badly before.
  enum class Mode : std::uint8_t { kCareful, kForced } mode = Mode::kCareful;
};

/// The steps around a load. Files of other engines are not foreseen and just loaded.
class CarefulLoad {
 public:
  /// `wanted` with n_ctx 0 means what the model was trained for. kInsufficientMemory names what would fit; kLoadFailed:
  /// it ended the process twice.
  static Result<CarefulLoad> begin(const std::filesystem::path& path, const fit::Running& wanted,
                                   const CareOptions& options);
  /// The model is open. Not called, nothing is forgotten; destroyed, the process did not die of it.
  void succeeded();
  /// As it was wanted, or less when the last load of this model ended the process: load it so.
  [[nodiscard]] const fit::Running& running() const { return running_; }
  /// Why it is less, for a person; else empty.
  [[nodiscard]] const std::string& notice() const { return notice_; }
  [[nodiscard]] const std::optional<Foreseen>& foreseen() const { return foreseen_; }

 private:
  CarefulLoad() = default;
  std::optional<Foreseen> foreseen_;
  std::optional<LoadJournal> journal_;
  std::optional<LoadTicket> ticket_;
  fit::Running running_;
  std::string notice_;
};

/// A model that was opened with care, and how it is to be run.
struct OpenedModel {
  std::unique_ptr<LanguageModel> model;
  fit::Running running;
  std::string notice;  // why that is less than what was wanted; else empty
};
Result<OpenedModel> open_with_care(const std::filesystem::path& path, const fit::Running& wanted,
                                   const OpenOptions& open, const CareOptions& care);

}  // namespace hearth::care
