// hearth plan: what a model will take and give on this machine, from its header alone.
#include <algorithm>

#include "cli/command.h"
#include "cli/console.h"
#include "cli/device_speed.h"
#include "cli/library/access.h"
#include "cli/model_flags.h"
#include "cli/tuning.h"
#include "device/memory.h"
#include "device/strain.h"
#include "library/fit/load_plan.h"
#include "library/shelf/remote_header.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

using Json = nlohmann::json;

class Plan final : public Command {
 public:
  void declare(Flags& flags) override {
    flags.model("MODEL", model_.path, model_.typed,
                "The model: a file, or a name, here or on the hub: its header alone is read");
    model_.declare_context(flags);
    flags.number("--max-memory", max_fraction_, 0.05f, 1.0f,
                 "The share of memory it may take (default: of the device's class)");
    flags.toggle("--phone", phone_, "Plan for this machine as for a phone: apps take at most half of the memory");
    flags.toggle("--json", json_, "Print JSON");
  }

  Outcome run(const Settings& settings) override {
    HEARTH_TRY(const auto file, open_here_or_there(settings));
    HEARTH_TRY(const ModelReport report, report_model(*file));
    const MemoryState memory = read_memory_state();
    using Kind = fit::DeviceClass::Kind;
    fit::PlanQuestion question;
    question.device = &fit::class_for(phone_ ? Kind::kPhone : Kind::kComputer, memory.total_bytes);
    question.running = {.n_ctx = model_.n_ctx, .ubatch = model_.ubatch, .kv = model_.sequence().kv};
    if (question.running.n_ctx == 0) {
      question.running.n_ctx =
          report.info ? std::min(question.device->n_ctx, report.info->n_ctx_train) : question.device->n_ctx;
    }
    question.budget = fit::budget_of(*question.device, memory, max_fraction_.value_or(0));
    question.free_bytes = usable_memory_bytes(memory);
    std::vector<DType> types;
    for (const TypeShare& share : report.types) types.push_back(share.type);
    question.speed = device_speed(settings, types);
    const fit::LoadHistory history = fit::LoadHistory::read(history_path(settings));
    question.history = &history;
    question.device_key = calibration_key();
    question.model_key = fit::model_key(*file);
    HEARTH_TRY(const fit::LoadPlan plan, fit::plan_load(report, *file, question));
    HEARTH_CHECK(print(json_ ? as_json(plan, question).dump(2) + "\n" : as_text(plan, question)));
    return kOk;
  }

 private:
  /// A name that is not on the shelf is looked at on the hub.
  [[nodiscard]] Checked<std::unique_ptr<ModelFile>> open_here_or_there(const Settings& settings) const {
    auto here = open_model_file(model_.path);
    if (here) return std::move(*here);
    const auto name = library::parse_model_name(model_.path);
    if (here.error().code != ErrorCode::kFileNotFound || !name || std::holds_alternative<library::PathName>(*name))
      return std::unexpected(Failure(std::move(here.error())));
    HEARTH_TRY(const library::Catalogue catalogue, open_catalogue(settings));
    HEARTH_TRY(const library::HttpClient client, open_client(settings));
    const StopOnInterrupt stop;
    auto there = library::read_remote_header(client, catalogue, *name, stop.token());
    if (!there) return std::unexpected(Failure(std::move(there.error())));
    return std::move(there->file);
  }

  [[nodiscard]] std::string as_text(const fit::LoadPlan& plan, const fit::PlanQuestion& question) const {
    const auto line = [](std::string_view name, const std::string& text) {
      return fmt::format("  {:10} {}\n", name, text);
    };
    const fit::MemoryNeed& need = plan.need;
    std::string out = fmt::format("{}: {}\n", model_.typed, fit::verdict_text(plan.verdict));
    out +=
        line("memory", fmt::format("{} = weights {} + KV {} ({} positions) + working {} + vocabulary {} + program {}",
                                   bytes_text(plan.predicted_bytes), bytes_text(need.weight_bytes),
                                   bytes_text(need.kv_bytes), plan.running.n_ctx, bytes_text(need.working_bytes),
                                   bytes_text(need.vocabulary_bytes), bytes_text(need.program_bytes)));
    out += line("", plan.how_sure);
    out += line("here", fmt::format("{} may take {} of this {}; {} are free now", "an app",
                                    bytes_text(question.budget.share_bytes), question.device->name,
                                    bytes_text(question.free_bytes)));
    if (const Strain strain = read_strain(); strain.memory_wait.value_or(0) > 10)
      out += line("", fmt::format("programs wait for memory {:.0f} % of the time: the system is short of it",
                                  *strain.memory_wait));
    if (plan.speed.tok_s > 0) {
      out += line("speed", fmt::format("{:.1f} tok/s, {:.1f} when the context is full ({} threads)", plan.speed.tok_s,
                                       plan.speed.tok_s_full, question.speed.n_threads));
    }
    out += line("", plan.speed.how_sure);
    if (plan.last) {
      out += line("last time", fmt::format("{} where {} were predicted{}", bytes_text(plan.last->measured_bytes),
                                           bytes_text(plan.last->predicted_bytes), last_speed(*plan.last)));
    }
    for (const fit::Proposal& proposal : plan.proposals)
      out += line("try", fmt::format("{}: {}, {}", proposal.what, bytes_text(proposal.need_bytes),
                                     fit::verdict_text(proposal.verdict)));
    return out;
  }

  static std::string last_speed(const fit::LoadRecord& last) {
    if (last.measured_tok_s <= 0 || last.predicted_tok_s <= 0) return {};
    return fmt::format("; {:.1f} tok/s where {:.1f} were", last.measured_tok_s, last.predicted_tok_s);
  }

  [[nodiscard]] Json as_json(const fit::LoadPlan& plan, const fit::PlanQuestion& question) const {
    Json proposals = Json::array();
    for (const fit::Proposal& proposal : plan.proposals) {
      proposals.push_back(
          {{"what", proposal.what}, {"bytes", proposal.need_bytes}, {"verdict", fit::verdict_text(proposal.verdict)}});
    }
    const auto known = [](double value) { return value > 0 ? Json(value) : Json(nullptr); };
    Json last = nullptr;
    if (plan.last) {
      last = {{"predicted_bytes", plan.last->predicted_bytes},
              {"measured_bytes", plan.last->measured_bytes},
              {"predicted_tok_s", known(plan.last->predicted_tok_s)},
              {"measured_tok_s", known(plan.last->measured_tok_s)}};
    }
    return {{"model", model_.typed},
            {"fits", plan.verdict == fit::Verdict::kComfortable || plan.verdict == fit::Verdict::kTight},
            {"verdict", fit::verdict_text(plan.verdict)},
            {"n_ctx", plan.running.n_ctx},
            {"memory",
             {{"predicted_bytes", plan.predicted_bytes},
              {"weight_bytes", plan.need.weight_bytes},
              {"kv_bytes", plan.need.kv_bytes},
              {"working_bytes", plan.need.working_bytes},
              {"vocabulary_bytes", plan.need.vocabulary_bytes},
              {"program_bytes", plan.need.program_bytes},
              {"how_sure", plan.how_sure}}},
            {"device",
             {{"class", question.device->name},
              {"share_bytes", question.budget.share_bytes},
              {"alone_bytes", question.budget.alone_bytes},
              {"free_bytes", question.free_bytes},
              {"read_gb_s", known(question.speed.read_gb_s)}}},
            {"speed",
             {{"tok_s", known(plan.speed.tok_s)},
              {"tok_s_full", known(plan.speed.tok_s_full)},
              {"how_sure", plan.speed.how_sure}}},
            {"proposals", proposals},
            {"last", last}};
  }

  ModelFlags model_;
  std::optional<float> max_fraction_;
  bool phone_ = false, json_ = false;
};

}  // namespace

CommandInfo plan_command() {
  return {.name = "plan",
          .summary = "Say whether a model fits this machine, and how fast it will be",
          .description =
              "Predicts memory and speed from the model's header and from what this machine was measured to do, says\n"
              "whether it fits and what would, and shows what earlier loads really took. No weights are read.",
          .examples = "  hearth plan model.gguf\n  hearth plan model.gguf --ctx 32768 --kv q8_0 --json",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<Plan>(); }};
}

}  // namespace hearth::cli
