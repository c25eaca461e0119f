// Verdicts, and the search for something that fits.
#include "library/fit/proposal.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace hearth::fit {

namespace {

constexpr std::size_t kShortestCtx = 2048;

struct QuantRow {
  std::string_view name;
  double bits;  // of a whole file, norms and output matrix included
};
/// Fewer bits than 3 cost more sense than a smaller model does.
constexpr std::array kSmallerQuants = std::to_array<QuantRow>({{"Q8_0", 8.5},
                                                               {"Q6_K", 6.56},
                                                               {"Q5_K_M", 5.69},
                                                               {"Q4_K_M", 4.85},
                                                               {"Q4_0", 4.55},
                                                               {"IQ4_XS", 4.3},
                                                               {"Q3_K_M", 3.9}});

std::string_view kv_name(KvStorage kv) {
  switch (kv) {
    case KvStorage::kF16: return "f16";
    case KvStorage::kF32: return "f32";
    case KvStorage::kQ8_0: return "q8_0";
  }
  return "";
}

/// Contexts and storages from what is wanted to the least that is useful, the mildest change first.
std::vector<Running> smaller(const Running& wanted) {
  std::vector<Running> all;
  for (std::size_t n_ctx = wanted.n_ctx;; n_ctx = std::max(kShortestCtx, n_ctx / 2)) {
    for (const KvStorage kv : {wanted.kv, KvStorage::kQ8_0}) {
      if (!all.empty() && all.back().n_ctx == n_ctx && all.back().kv == kv) continue;
      all.push_back({.n_ctx = n_ctx, .ubatch = wanted.ubatch, .kv = kv});
    }
    if (n_ctx <= kShortestCtx) return all;
  }
}

std::string flags_of(const Running& running, const Running& wanted) {
  std::string text;
  if (running.n_ctx != wanted.n_ctx) text += fmt::format("--ctx {}", running.n_ctx);
  if (running.kv != wanted.kv) text += fmt::format("{}--kv {}", text.empty() ? "" : " ", kv_name(running.kv));
  return text;
}

}  // namespace

std::string_view verdict_text(Verdict verdict) {
  switch (verdict) {
    case Verdict::kComfortable: return "fits";
    case Verdict::kTight: return "fits, with little room to spare";
    case Verdict::kAlone: return "fits only when nothing else runs";
    case Verdict::kBusy: return "does not fit now: other programs hold the memory it would take";
    case Verdict::kNo: return "does not fit";
  }
  return "";
}

Verdict judge(std::uint64_t need_bytes, const Budget& budget) {
  if (need_bytes <= budget.comfortable_bytes) return Verdict::kComfortable;
  if (need_bytes <= budget.share_bytes) return Verdict::kTight;
  return need_bytes <= budget.alone_bytes ? Verdict::kAlone : Verdict::kNo;
}

Verdict judge(std::uint64_t need_bytes, const Budget& budget, std::uint64_t free_bytes) {
  const Verdict verdict = judge(need_bytes, budget);
  return verdict != Verdict::kNo && need_bytes > free_bytes ? Verdict::kBusy : verdict;
}

std::vector<Proposal> propose(const MemoryPlan& plan, std::uint64_t n_parameters, const Running& wanted,
                              const Budget& budget, std::uint64_t free_bytes) {
  std::vector<Proposal> proposals;
  const auto add = [&](std::string what, const MemoryPlan& changed, const Running& running) {
    const std::uint64_t need = need_of(changed, running).total();
    const Verdict verdict = judge(need, budget, free_bytes);
    if (verdict != Verdict::kComfortable && verdict != Verdict::kTight) return false;
    proposals.push_back({.what = std::move(what), .need_bytes = need, .verdict = verdict});
    return true;
  };
  for (const Running& running : smaller(wanted)) {
    const std::string flags = flags_of(running, wanted);
    if (!flags.empty() && add(flags, plan, running)) return proposals;
  }
  const double bits =
      n_parameters ? 8.0 * static_cast<double>(plan.weight_bytes) / static_cast<double>(n_parameters) : 0;
  for (const QuantRow& quant : kSmallerQuants) {
    if (quant.bits > 0.95 * bits) continue;
    MemoryPlan changed = plan;
    changed.weight_bytes = static_cast<std::uint64_t>(static_cast<double>(n_parameters) * quant.bits / 8);
    if (add(fmt::format("the same model as {}", quant.name), changed, wanted)) return proposals;
    const Running least = smaller(wanted).back();
    const std::string flags = flags_of(least, wanted);
    if (!flags.empty() && add(fmt::format("the same model as {} with {}", quant.name, flags), changed, least))
      return proposals;
  }
  const std::uint64_t rest = need_of(plan, smaller(wanted).back()).total() - plan.weight_bytes;
  const std::uint64_t room = std::min(budget.share_bytes, free_bytes);
  if (room > rest + (256u << 20)) {
    proposals.push_back({.what = fmt::format("a model of up to {:.1f} billion parameters at 4 bits",
                                             static_cast<double>(room - rest) / 0.62 / 1e9),
                         .need_bytes = room,
                         .verdict = Verdict::kTight});
  }
  return proposals;
}

std::vector<Pick> recommend(std::span<const Candidate> candidates, std::string_view use, const DeviceClass& device,
                            const Budget& budget) {
  std::vector<Pick> picks;
  for (const Candidate& candidate : candidates) {
    if (!use.empty() && std::ranges::find(candidate.uses, use) == candidate.uses.end()) continue;
    const MemoryPlan plan = plan_of(candidate);
    Pick best{.model = &candidate, .verdict = Verdict::kNo};
    bool first = true;
    const std::size_t n_ctx =
        candidate.n_ctx_train ? std::min<std::size_t>(device.n_ctx, candidate.n_ctx_train) : device.n_ctx;
    for (const Running& running : smaller({.n_ctx = n_ctx, .ubatch = device.ubatch, .kv = device.kv})) {
      const MemoryNeed need = need_of(plan, running);
      const Verdict verdict = judge(need.total(), budget);
      if (!std::exchange(first, false) && verdict >= best.verdict) continue;
      best = {.model = &candidate, .running = running, .need = need, .verdict = verdict};
    }
    if (best.verdict != Verdict::kNo) picks.push_back(best);
  }
  std::ranges::stable_sort(picks, [](const Pick& a, const Pick& b) {
    if (a.verdict != b.verdict) return a.verdict < b.verdict;
    return a.model->n_parameters > b.model->n_parameters;
  });
  return picks;
}

}  // namespace hearth::fit
