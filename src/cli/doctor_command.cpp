// hearth doctor: what this machine is, which kernels it will run, and why a model does not load or runs slowly.
#include <algorithm>
#include <filesystem>

#include "base/cpu_features.h"
#include "base/thread_pool.h"
#include "cli/card.h"
#include "cli/careful_load.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/tuning.h"
#include "device/cores.h"
#include "device/cpu_state.h"
#include "device/memory.h"
#include "device/strain.h"
#include "engine/registry.h"
#include "hearth/version.h"
#include "kernels/table.h"
#include "library/care/conformance_card.h"
#include "library/care/diagnosis.h"
#include "weights/packed_cache.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

using Json = nlohmann::json;

std::vector<std::string_view> feature_names(const CpuFeatures& cpu) {
  std::vector<std::string_view> names;
  const auto add = [&](bool present, std::string_view name) {
    if (present) names.push_back(name);
  };
  add(cpu.avx2_fma, "avx2+fma+f16c");
  add(cpu.avx_vnni, "avx-vnni");
  add(cpu.avx512, "avx512");
  add(cpu.avx512_vnni, "avx512-vnni");
  add(cpu.avx512_bf16, "avx512-bf16");
  add(cpu.neon, "neon");
  add(cpu.dotprod, "dotprod");
  add(cpu.i8mm, "i8mm");
  return names;
}

/// The table a matrix product's slot came from; empty where the type is no matrix type.
std::string_view slot_isa(const kernels::KernelTable& table, DType type) {
  const auto slot = static_cast<std::size_t>(type);
  return table.matmul[slot] ? table.matmul_isa[slot] : std::string_view();
}

std::string limit_text(const std::optional<std::uint64_t>& bytes) {
  return bytes ? bytes_text(*bytes) : "unlimited";
}

class Doctor final : public Command {
 public:
  void declare(Flags& flags) override {
    flags.model("MODEL", model_, typed_, "Look for what keeps this model from loading or running well");
    flags.toggle("--try", try_, "Load MODEL and try its template, tools, JSON and seeds; what comes out is kept");
    flags.text("--isa", isa_, "NAME", "Show this kernel table (default: HEARTH_ISA, else the best)");
    flags.toggle("--json", json_, "Print JSON");
  }

  Outcome run(const Settings& settings) override {
    calibration_ = stored_calibration(settings.cache);
    std::string name = isa_.empty() ? settings.isa : isa_;
    if (name.empty() && calibration_) name = calibration_->isa;
    table_ = name.empty() ? &kernels::best_table(cpu_) : kernels::find_table(name);
    if (!table_)
      return usage_error(fmt::format("there is no kernel table \"{}\"; this build has {}", name, table_names()));
    n_threads_ = settings.n_threads ? settings.n_threads
                 : calibration_     ? static_cast<std::size_t>(calibration_->n_threads)
                                    : static_cast<std::size_t>(default_thread_count());
    if (try_ && !model_) return usage_error("--try needs a MODEL");
    diagnose(settings);
    HEARTH_CHECK(find_card(settings));
    if (const auto cache = cache_options({}, settings)) cache_text_ = cache_state(*cache);
    HEARTH_CHECK(print(json_    ? as_json().dump(2, ' ', false, Json::error_handler_t::replace) + "\n"
                       : model_ ? findings_text() + (card_ ? card_text(*card_) : "")
                                : as_text() + findings_text()));
    const bool fault = std::ranges::any_of(
        findings_, [](const care::Finding& finding) { return finding.weight == care::Finding::Weight::kFault; });
    return fault ? kFailed : kOk;
  }

 private:
  void diagnose(const Settings& settings) {
    const care::Machine machine{.memory = memory_,
                                .limits = limits_,
                                .strain = read_strain(),
                                .cpu = read_cpu_state(),
                                .cores = count_cores(usable_cores()),
                                .n_threads = static_cast<int>(n_threads_)};
    if (model_) {
      care::ModelQuestion question{.path = *model_, .running = {.n_ctx = 0}};
      if (const auto journal = journal_folder(settings); !journal.empty()) {
        std::error_code ignored;
        question.deaths =
            care::LoadJournal(journal).deaths(std::filesystem::weakly_canonical(*model_, ignored).string());
      }
      findings_ = care::diagnose_model(question, machine);
    }
    for (care::Finding& finding : care::diagnose_machine(machine)) findings_.push_back(std::move(finding));
  }

  /// The card of this model and the engine that opens it: kept, or made now where --try says so.
  Checked<void> find_card(const Settings& settings) {
    if (!model_) return {};
    card_ = stored_card(*model_, settings);
    const auto place = try_ ? card_place(*model_, settings) : std::nullopt;
    if (!place) return {};  // the findings say why it cannot be tried
    HEARTH_TRY(card_, make_card(*model_, *place, settings));
    return {};
  }

  [[nodiscard]] std::string findings_text() const {
    std::string out = model_ ? fmt::format("{}\n", typed_) : std::string("\nfindings\n");
    if (findings_.empty())
      return out + (model_ ? "  nothing keeps it from loading, and nothing slows it down\n"
                           : "  nothing slows models down\n");
    for (const care::Finding& finding : findings_) {
      out += fmt::format("  {:5} {} ({})\n        cure: {}\n",
                         finding.weight == care::Finding::Weight::kFault ? "fault" : "slow", finding.what,
                         error_code_name(finding.code), finding.cure);
    }
    return out;
  }

  static std::string cache_state(const CacheOptions& options) {
    std::uint64_t n_bytes = 0;
    std::size_t n_models = 0;
    for (const PackedCache::Item& item : PackedCache(options).list()) {
      n_bytes += item.n_bytes;
      ++n_models;
    }
    return fmt::format("{}: {} of {} models", options.folder.string(), bytes_text(n_bytes), n_models);
  }

  static std::string table_names() {
    std::vector<std::string_view> names;
    for (const auto* table : kernels::all_tables()) names.push_back(table->name);
    return fmt::format("{}", fmt::join(names, ", "));
  }

  /// What calibration tried and found, in one line.
  [[nodiscard]] std::string calibration_text() const {
    if (!calibration_) return "nothing yet; the first model that is opened with a cache tries threads and tables";
    std::vector<std::string> trials;
    for (const measure::ThreadTrial& trial : calibration_->threads)
      trials.push_back(fmt::format("{} threads read {:.1f} GB/s", trial.n_threads, trial.read_gb_s));
    for (const measure::TableTrial& trial : calibration_->tables)
      trials.push_back(
          fmt::format("{} {:.0f} and {:.0f} GOP/s", trial.isa, trial.one_column_gop_s, trial.many_columns_gop_s));
    return fmt::format("{} threads and {} are best ({})", calibration_->n_threads, calibration_->isa,
                       fmt::join(trials, ", "));
  }

  [[nodiscard]] std::string as_text() const {
    std::string out = fmt::format("hearth {}\n\n", kVersion);
    out += fmt::format("CPU       {}\n", cpu_.model_name.empty() ? "unknown" : cpu_.model_name);
    out += fmt::format("features  {}\n", fmt::join(feature_names(cpu_), ", "));
    out += fmt::format("threads   {}", n_threads_);
    if (limits_.cpu_quota) out += fmt::format(" (the control group grants {:.1f} cores)", *limits_.cpu_quota);
    out += fmt::format("\nmemory    {} available of {}", bytes_text(memory_.available_bytes),
                       bytes_text(memory_.total_bytes));
    if (memory_.swap_bytes) out += fmt::format(", swap {}", bytes_text(memory_.swap_bytes));
    if (memory_.group_limit_bytes) {
      out += fmt::format("\n          the control group allows {}, {} used", bytes_text(*memory_.group_limit_bytes),
                         bytes_text(memory_.group_used_bytes));
    }
    out += fmt::format(
        "\nlimits    locked memory {} (ulimit -l, for --mlock), address space {} (ulimit -v), open files {}\n",
        limit_text(limits_.locked_bytes), limit_text(limits_.address_space_bytes),
        limits_.open_files ? fmt::format("{}", *limits_.open_files) : "unlimited");
    out += fmt::format("measured  {}\n", calibration_text());
    out += fmt::format("cache     {}\n", cache_text_.empty() ? "off" : cache_text_);
    out += "engines  ";
    for (const Engine& engine : all_engines()) {
      const std::string obstacle = engine.not_ready();
      out += fmt::format(" {} ({})", engine.name, obstacle.empty() ? "ready" : obstacle);
    }
    out += "\n";
    out += "\nkernel tables\n";
    for (const auto* table : kernels::all_tables()) {
      out += fmt::format("  {:8} {}{}\n", table->name, table->supported(cpu_) ? "usable" : "not on this CPU",
                         table == table_ ? ", chosen" : "");
    }
    out += fmt::format("\nmatrix products of \"{}\" (element type: table that does it)\n", table_->name);
    for (const DTypeInfo& type : all_dtypes()) {
      if (const auto isa = slot_isa(*table_, type.type); !isa.empty())
        out += fmt::format("  {:8} {}\n", type.name, isa);
    }
    return out;
  }

  [[nodiscard]] Json as_json() const {
    const auto optional = [](const auto& value) { return value ? Json(*value) : Json(nullptr); };
    Json tables = Json::array();
    for (const auto* table : kernels::all_tables()) {
      tables.push_back({{"name", table->name}, {"usable", table->supported(cpu_)}, {"chosen", table == table_}});
    }
    Json matmul = Json::object();
    for (const DTypeInfo& type : all_dtypes()) {
      if (const auto isa = slot_isa(*table_, type.type); !isa.empty()) matmul[std::string(type.name)] = isa;
    }
    Json findings = Json::array(), engines = Json::array();
    for (const care::Finding& finding : findings_) {
      findings.push_back({{"weight", finding.weight == care::Finding::Weight::kFault ? "fault" : "slow"},
                          {"code", error_code_name(finding.code)},
                          {"what", finding.what},
                          {"cure", finding.cure}});
    }
    for (const Engine& engine : all_engines())
      engines.push_back({{"name", engine.name}, {"ready", engine.not_ready().empty()}});
    return {{"version", kVersion},
            {"model", model_ ? Json(typed_) : Json(nullptr)},
            {"findings", findings},
            {"card", card_ ? Json::parse(care::card_json(*card_)) : Json(nullptr)},
            {"engines", engines},
            {"cache", cache_text_},
            {"cpu", cpu_.model_name},
            {"features", feature_names(cpu_)},
            {"threads", n_threads_},
            {"calibrated", calibration_.has_value()},
            {"cpu_quota", optional(limits_.cpu_quota)},
            {"memory",
             {{"total_bytes", memory_.total_bytes},
              {"available_bytes", memory_.available_bytes},
              {"swap_bytes", memory_.swap_bytes},
              {"group_limit_bytes", optional(memory_.group_limit_bytes)},
              {"group_used_bytes", memory_.group_used_bytes}}},
            {"limits",
             {{"locked_bytes", optional(limits_.locked_bytes)},
              {"address_space_bytes", optional(limits_.address_space_bytes)},
              {"open_files", optional(limits_.open_files)}}},
            {"kernel_tables", tables},
            {"matmul", matmul},
            {"recipe", kernels::kRecipeId}};
  }

  std::optional<std::string> model_;
  std::string typed_;
  std::vector<care::Finding> findings_;
  std::optional<care::ConformanceCard> card_;
  std::string isa_, cache_text_;
  bool json_ = false, try_ = false;
  CpuFeatures cpu_ = detect_cpu_features();
  MemoryState memory_ = read_memory_state();
  ProcessLimits limits_ = read_process_limits();
  const kernels::KernelTable* table_ = nullptr;
  std::size_t n_threads_ = 0;
  std::optional<measure::Calibration> calibration_;
};

}  // namespace

CommandInfo doctor_command() {
  return {.name = "doctor",
          .summary = "Show what this machine is, and what is wrong with a model",
          .description =
              "Shows the CPU and its features, the kernel tables and which of them fills each matrix product,\n"
              "memory with the limits of containers, the limits of the process, engines, cache, and what slows models\n"
              "down now. With MODEL it looks for what keeps that model from loading or running well, and names the\n"
              "cure; the exit code is 1 where it cannot work so.",
          .examples = "  hearth doctor\n  hearth doctor model.gguf\n  hearth doctor model.gguf --try",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<Doctor>(); }};
}

}  // namespace hearth::cli
