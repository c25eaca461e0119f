// Looking ahead, refusing, writing down.
#include "library/care/careful_load.h"

#include <algorithm>

#include "device/memory.h"
#include "library/fit/load_plan.h"

#include <fmt/format.h>

namespace hearth::care {

namespace {

constexpr std::size_t kUnaskedCtx = 2048;

std::string mib(std::uint64_t n_bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(n_bytes) / (1u << 20));
}

std::string refusal(const Foreseen& foreseen, const fit::Running& running, std::uint64_t need_bytes,
                    std::uint64_t room_bytes, std::string_view room_is) {
  const MemoryState memory = read_memory_state();
  const fit::DeviceClass& device = fit::class_for(fit::DeviceClass::Kind::kComputer, memory.total_bytes);
  const std::string text = fmt::format("loading {} takes about {} ({} positions), and {} {}", foreseen.path,
                                       mib(need_bytes), running.n_ctx, mib(room_bytes), room_is);
  const auto proposals = fit::propose(foreseen.model.memory, foreseen.model.n_parameters, running,
                                      fit::budget_of(device, memory), room_bytes);
  return text + (proposals.empty() ? "; close other programs or take a smaller model"
                                   : fmt::format("; what would fit: {}", proposals.front().what));
}

}  // namespace

std::optional<Foreseen> foresee(const std::filesystem::path& path, KvStorage kv) {
  const auto file = open_model_file(path);
  if (!file) return std::nullopt;  // the opener says why
  const auto plan = plan_memory(**file);
  if (!plan) return std::nullopt;
  std::error_code ignored;
  const auto absolute = std::filesystem::weakly_canonical(path, ignored);
  return Foreseen{.path = (absolute.empty() ? path : absolute).string(),
                  .key = fit::model_key(**file),
                  .size_bytes = (*file)->size_bytes(),
                  .model = *plan,
                  .work = fit::work_of(**file, plan->memory, kv)};
}

fit::Running counted(const fit::Running& running, const Foreseen& foreseen) {
  fit::Running out = running;
  if (out.n_ctx == 0) out.n_ctx = std::min(kUnaskedCtx, std::max<std::size_t>(foreseen.model.n_ctx_train, 1));
  return out;
}

Result<CarefulLoad> CarefulLoad::begin(const std::filesystem::path& path, const fit::Running& wanted,
                                       const CareOptions& options) {
  const bool careful = options.mode == CareOptions::Mode::kCareful;
  CarefulLoad load;
  load.running_ = wanted;
  load.foreseen_ = foresee(path, wanted.kv);
  if (!load.foreseen_) return load;
  const Foreseen& foreseen = *load.foreseen_;
  if (!options.journal.empty()) load.journal_.emplace(options.journal);
  if (load.journal_ && careful) {
    if (const auto deaths = load.journal_->deaths(foreseen.path)) {
      if (load.journal_->advice(foreseen.path) == Advice::kRefuse)
        return fail(ErrorCode::kLoadFailed, explain(*deaths) + ", so it is not loaded again unless that is forced");
      load.running_ = with_less(counted(wanted, foreseen));
      load.notice_ = fmt::format("{}; this time with {} positions, keys and values in 8 bits and batches of {}",
                                 explain(*deaths), load.running_.n_ctx, load.running_.ubatch);
    }
  }
  const fit::Running asked = counted(load.running_, foreseen);
  const std::uint64_t need = fit::need_of(foreseen.model.memory, asked).total();
  const std::uint64_t free_bytes = usable_memory_bytes(read_memory_state());
  std::uint64_t room = options.max_bytes;  // 0: unknown
  if (free_bytes > 0) room = room > 0 ? std::min(room, free_bytes) : free_bytes;
  if (careful && room > 0 && need > room) {
    return fail(ErrorCode::kInsufficientMemory,
                refusal(foreseen, asked, need, room, room == free_bytes ? "are free" : "may be taken"));
  }
  if (load.journal_) {
    load.ticket_ = load.journal_->begin({.model = foreseen.path,
                                         .size_bytes = foreseen.size_bytes,
                                         .running = asked,
                                         .predicted_bytes = need,
                                         .free_bytes = free_bytes});
  }
  return load;
}

void CarefulLoad::succeeded() {
  ticket_.reset();
  if (journal_) journal_->forget(foreseen_->path);
}

Result<OpenedModel> open_with_care(const std::filesystem::path& path, const fit::Running& wanted,
                                   const OpenOptions& open, const CareOptions& care) {
  HEARTH_TRY(CarefulLoad load, CarefulLoad::begin(path, wanted, care));
  HEARTH_TRY(auto model, open_model(path, open));
  load.succeeded();
  return OpenedModel{.model = std::move(model), .running = load.running(), .notice = load.notice()};
}

}  // namespace hearth::care
