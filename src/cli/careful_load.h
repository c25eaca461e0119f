// Loading with care, for commands: refused when the memory is not there, written down so that a death is explained at
// the next start, and remembered so that the next prediction is better.
#pragma once

#include <optional>
#include <string>

#include "cli/outcome.h"
#include "cli/settings.h"
#include "hearth/reply.h"
#include "library/care/load_journal.h"
#include "library/fit/need.h"
#include "library/fit/speed.h"

namespace hearth::cli {

/// What is known of a model before it is loaded.
struct Foreseen {
  std::string path, key;
  std::uint64_t size_bytes = 0;
  PlannedModel model;
  fit::DecodeWork work;
};

enum class Force : std::uint8_t { kNo, kYes };

class CarefulLoad {
 public:
  /// `running` with n_ctx 0 means what the model was trained for; it comes out smaller when the last load of this model
  /// ended the process. Files of other engines are not foreseen and just loaded.
  static Checked<CarefulLoad> begin(const std::string& path, fit::Running& running, const Settings& settings,
                                    Force force);
  /// The model is open. Not called, nothing is forgotten; destroyed, the process did not die of it.
  void succeeded();
  [[nodiscard]] const std::optional<Foreseen>& foreseen() const { return foreseen_; }

 private:
  CarefulLoad() = default;
  std::optional<Foreseen> foreseen_;
  std::optional<care::LoadJournal> journal_;
  std::optional<care::LoadTicket> ticket_;
  std::string path_;
};

/// Where loads are written down; nothing when no cache is kept.
std::optional<care::LoadJournal> load_journal(const Settings& settings);

/// Keeps what a load and its first reply really took beside what was predicted.
void remember_load(const Foreseen& foreseen, const fit::Running& running, const Receipt& receipt,
                   const Settings& settings);

}  // namespace hearth::cli
