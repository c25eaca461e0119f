// The steps around a load.
#include "cli/careful_load.h"

#include <algorithm>
#include <filesystem>

#include "cli/console.h"
#include "cli/device_speed.h"
#include "cli/tuning.h"
#include "device/memory.h"
#include "library/fit/load_plan.h"

#include <fmt/format.h>

namespace hearth::cli {

namespace {

/// Keys and values take memory as a conversation grows; a context nobody asked for is not held against the load.
constexpr std::size_t kUnaskedCtx = 2048;

std::optional<Foreseen> foresee(const std::string& path, const fit::Running& running) {
  const auto file = open_model_file(path);
  if (!file) return std::nullopt;  // the opener says why
  const auto plan = plan_memory(**file);
  if (!plan) return std::nullopt;
  std::error_code ignored;
  const auto absolute = std::filesystem::weakly_canonical(path, ignored);
  return Foreseen{.path = absolute.empty() ? path : absolute.string(),
                  .key = fit::model_key(**file),
                  .size_bytes = (*file)->size_bytes(),
                  .model = *plan,
                  .work = fit::work_of(**file, plan->memory, running.kv)};
}

fit::Running counted(const fit::Running& running, const Foreseen& foreseen) {
  fit::Running out = running;
  if (out.n_ctx == 0) out.n_ctx = std::min(kUnaskedCtx, std::max<std::size_t>(foreseen.model.n_ctx_train, 1));
  return out;
}

std::string refusal(const Foreseen& foreseen, const fit::Running& running, std::uint64_t free_bytes) {
  const MemoryState memory = read_memory_state();
  const fit::DeviceClass& device = fit::class_for(fit::DeviceClass::Kind::kComputer, memory.total_bytes);
  const std::uint64_t need = fit::need_of(foreseen.model.memory, running).total();
  std::string text = fmt::format("loading {} takes about {} ({} positions), and {} are free", foreseen.path,
                                 bytes_text(need), running.n_ctx, bytes_text(free_bytes));
  const auto proposals = fit::propose(foreseen.model.memory, foreseen.model.n_parameters, running,
                                      fit::budget_of(device, memory), free_bytes);
  text += proposals.empty() ? "; close other programs or take a smaller model"
                            : fmt::format("; what would fit: {}", proposals.front().what);
  return text + " (`hearth plan` shows the rest, --force loads it all the same)";
}

}  // namespace

std::optional<care::LoadJournal> load_journal(const Settings& settings) {
  if (settings.cache.empty() || settings.cache == "off") return std::nullopt;
  return care::LoadJournal(std::filesystem::path(settings.cache) / "loads");
}

Checked<CarefulLoad> CarefulLoad::begin(const std::string& path, fit::Running& running, const Settings& settings,
                                        Force force) {
  CarefulLoad load;
  load.foreseen_ = foresee(path, running);
  if (!load.foreseen_) return load;
  load.path_ = load.foreseen_->path;
  load.journal_ = load_journal(settings);
  if (load.journal_ && force == Force::kNo) {
    if (const auto deaths = load.journal_->deaths(load.path_)) {
      if (load.journal_->advice(load.path_) == care::Advice::kRefuse) {
        return std::unexpected(Failure(
            {ErrorCode::kLoadFailed,
             fmt::format("{}, so it is not loaded again; `hearth doctor {}` looks for the cause, --force tries again",
                         care::explain(*deaths), path)}));
      }
      running = care::with_less(counted(running, *load.foreseen_));
      note(fmt::format("{}; this time with {} positions, keys and values in 8 bits and batches of {}",
                       care::explain(*deaths), running.n_ctx, running.ubatch));
    }
  }
  const fit::Running asked = counted(running, *load.foreseen_);
  const std::uint64_t need = fit::need_of(load.foreseen_->model.memory, asked).total();
  const std::uint64_t free_bytes = usable_memory_bytes(read_memory_state());
  if (need > free_bytes && free_bytes > 0 && force == Force::kNo) {
    return std::unexpected(Failure({ErrorCode::kInsufficientMemory, refusal(*load.foreseen_, asked, free_bytes)}));
  }
  if (load.journal_) {
    load.ticket_ = load.journal_->begin({.model = load.path_,
                                         .size_bytes = load.foreseen_->size_bytes,
                                         .running = asked,
                                         .predicted_bytes = need,
                                         .free_bytes = free_bytes});
  }
  return load;
}

void CarefulLoad::succeeded() {
  ticket_.reset();
  if (journal_) journal_->forget(path_);
}

void remember_load(const Foreseen& foreseen, const fit::Running& running, const Receipt& receipt,
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
