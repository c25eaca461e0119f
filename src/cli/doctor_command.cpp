// hearth doctor: what this machine is and which kernels it will run.
#include "base/cpu_features.h"
#include "base/thread_pool.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/tuning.h"
#include "device/memory.h"
#include "hearth/version.h"
#include "kernels/table.h"

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
    HEARTH_CHECK(print(json_ ? as_json().dump(2) + "\n" : as_text()));
    return kOk;
  }

 private:
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
    return {{"version", kVersion},
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

  std::string isa_;
  bool json_ = false;
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
          .summary = "Show what this machine is and which kernels it runs",
          .description =
              "Shows the CPU and its features, the kernel tables and which of them fills each matrix product,\n"
              "memory with the limits of containers, and the limits of the process.",
          .examples = "",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<Doctor>(); }};
}

}  // namespace hearth::cli
