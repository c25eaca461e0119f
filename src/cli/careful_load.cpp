// Settings and flags around care::CarefulLoad.
#include "cli/careful_load.h"

#include <algorithm>

#include "cli/device_speed.h"
#include "cli/tuning.h"
#include "device/memory.h"
#include "library/fit/history.h"

#include <fmt/format.h>

namespace hearth::cli {

std::filesystem::path journal_folder(const Settings& settings) {
  if (settings.cache.empty() || settings.cache == "off") return {};
  return std::filesystem::path(settings.cache) / "loads";
}

Result<care::CarefulLoad> begin_careful_load(const std::string& path, const fit::Running& wanted,
                                             const Settings& settings, Force force) {
  using Mode = care::CareOptions::Mode;
  auto load = care::CarefulLoad::begin(
      path, wanted,
      {.journal = journal_folder(settings), .mode = force == Force::kYes ? Mode::kForced : Mode::kCareful});
  if (load) return load;
  Error error = std::move(load.error());
  if (error.code == ErrorCode::kInsufficientMemory)
    error.message += " (`hearth plan` shows the rest, --force loads it all the same)";
  if (error.code == ErrorCode::kLoadFailed)
    error.message += fmt::format(": `hearth doctor {}` looks for the cause, --force tries again", path);
  return std::unexpected(std::move(error));
}

void remember_load(const care::Foreseen& foreseen, const fit::Running& running, const Receipt& receipt,
                   const Settings& settings) {
  constexpr std::size_t kEnoughTokens = 16;
  const std::string path = history_path(settings);
  if (path.empty() || receipt.repeated) return;
  fit::Running used = running;  // what the reply really needed
  used.n_ctx = receipt.n_prompt + receipt.n_completion;
  used.ubatch = std::min(running.ubatch, std::max<std::size_t>(receipt.n_prompt, 1));
  fit::LoadRecord record{.device = calibration_key(),
                         .model = foreseen.key,
                         .predicted_bytes = fit::need_of(foreseen.model.memory, used).total(),
                         .measured_bytes = peak_process_bytes()};
  if (receipt.n_completion >= kEnoughTokens) {
    record.predicted_tok_s = fit::estimate_speed(foreseen.work, stored_device_speed(settings), 0).tok_s;
    record.measured_tok_s = receipt.tok_s;
  }
  fit::LoadHistory history = fit::LoadHistory::read(path);
  history.add(std::move(record));
  static_cast<void>(history.write(path));
}

}  // namespace hearth::cli
