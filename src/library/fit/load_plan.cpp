// Putting needs, budgets, speeds and the history together.
#include "library/fit/load_plan.h"

#include <fmt/format.h>

namespace hearth::fit {

std::string model_key(const ModelFile& file) {
  const auto paths = file.paths();
  return fmt::format("{} {}", paths.empty() ? "" : paths.front().filename().string(), file.size_bytes());
}

Result<LoadPlan> plan_load(const ModelReport& report, const ModelFile& file, const PlanQuestion& question) {
  if (!report.memory) return fail(ErrorCode::kUnsupportedModel, report.obstacle);
  Correction correction;
  LoadPlan plan{.running = question.running};
  if (question.history) {
    correction = question.history->correction(question.device_key, question.model_key);
    if (const LoadRecord* last = question.history->last(question.device_key, question.model_key)) plan.last = *last;
  }
  plan.need = need_of(*report.memory, plan.running);
  plan.predicted_bytes = static_cast<std::uint64_t>(static_cast<double>(plan.need.total()) * correction.memory);
  plan.how_sure = correction.n_memory > 0 ? fmt::format("corrected by {} earlier load{} of this model here",
                                                        correction.n_memory, correction.n_memory == 1 ? "" : "s")
                                          : "within a twentieth, from the header; never loaded here";
  plan.speed = estimate_speed(work_of(file, *report.memory, plan.running.kv), question.speed, plan.running.n_ctx);
  plan.speed.tok_s *= correction.speed;
  plan.speed.tok_s_full *= correction.speed;
  if (correction.n_speed > 0 && plan.speed.tok_s > 0)
    plan.speed.how_sure = fmt::format("corrected by {} measured {} on this machine", correction.n_speed,
                                      correction.n_speed == 1 ? "reply" : "replies");
  plan.verdict = judge(plan.predicted_bytes, question.budget, question.free_bytes);
  if (plan.verdict == Verdict::kNo || plan.verdict == Verdict::kAlone || plan.verdict == Verdict::kBusy) {
    plan.proposals = propose(*report.memory, report.n_parameters, plan.running, question.budget, question.free_bytes);
  }
  return plan;
}

}  // namespace hearth::fit
