// hearth quantize: a smaller copy of a model file.
#include <map>

#include "base/terminal.h"
#include "cli/command.h"
#include "cli/console.h"
#include "library/quantize.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

std::string mix_names() {
  std::vector<std::string_view> names;
  for (const quantize::MixInfo& mix : quantize::all_mixes()) names.push_back(mix.name);
  return fmt::format("{}", fmt::join(names, " "));
}

class Quantize final : public Command {
 public:
  void declare(Flags& flags) override {
    flags.model("IN", in_, "The model to read: a file or a name");
    flags.argument("OUT", out_, "The GGUF file to write");
    flags.argument("TYPE", type_, "One of " + mix_names());
    flags.toggle("--pure", pure_, "Give every matrix the same type instead of the mix");
    flags.toggle("--allow-requantize", requantize_, "Accept a source that is quantized already");
    flags.count("--threads", n_threads_, 1, kMaxThreads, "Threads to use (default: HEARTH_THREADS, else all cores)");
    flags.toggle("--json", json_, "Print what was done as JSON");
  }

  Outcome run(const Settings& settings) override {
    quantize::Options options;
    options.mix = quantize::find_mix(type_);
    if (!options.mix) return usage_error(fmt::format("there is no type \"{}\"; use one of {}", type_, mix_names()));
    if (pure_) options.purity = quantize::Purity::kPure;
    if (requantize_) options.requantize = quantize::Options::Requantize::kAllow;
    const bool terminal = is_terminal(StandardStream::kError);
    if (terminal) {
      options.progress = [](const quantize::Plan& plan, std::size_t idx, std::size_t n) {
        note_progress(fmt::format("\r{:4}/{} {:60.60}", idx + 1, n, quote_untrusted(plan.tensor->name)));
      };
    }
    HEARTH_TRY(const auto file, open_model_file(in_));
    const std::size_t asked = n_threads_ ? n_threads_ : settings.n_threads;
    ThreadPool pool(asked ? static_cast<int>(asked) : default_thread_count());
    const auto report = quantize::quantize_file(*file, out_, options, pool);
    if (terminal) note_progress(fmt::format("\r{:80}\r", ""));
    if (!report) return std::unexpected(Failure(Error(report.error()).within("quantizing " + in_)));
    return tell(*report);
  }

 private:
  [[nodiscard]] Outcome tell(const quantize::Report& report) const {
    std::map<std::string_view, std::size_t> n_by_type;
    std::size_t n_unfit = 0;
    for (const quantize::Plan& plan : report.plans) {
      ++n_by_type[dtype_info(plan.target).name];
      n_unfit += plan.unfit.has_value();
    }
    const double bits = 8.0 * static_cast<double>(report.tensor_bytes_after) /
                        static_cast<double>(std::max<std::uint64_t>(1, report.n_elements));
    if (json_) {
      const nlohmann::json summary = {{"tensor_bytes_before", report.tensor_bytes_before},
                                      {"tensor_bytes_after", report.tensor_bytes_after},
                                      {"bits_per_weight", bits},
                                      {"tensors", n_by_type},
                                      {"fallbacks", n_unfit}};
      HEARTH_CHECK(print(summary.dump(2) + "\n"));
      return kOk;
    }
    std::vector<std::string> parts;
    for (const auto& [name, n] : n_by_type) parts.push_back(fmt::format("{} x {}", n, name));
    HEARTH_CHECK(
        print(fmt::format("{}: {} -> {}, {:.2f} bits per weight ({})\n", out_, bytes_text(report.tensor_bytes_before),
                          bytes_text(report.tensor_bytes_after), bits, fmt::join(parts, ", "))));
    if (n_unfit)
      note(fmt::format("{} tensors have rows that do not fit their type's blocks and took another type", n_unfit));
    return kOk;
  }

  std::string in_, out_, type_;
  bool pure_ = false, requantize_ = false, json_ = false;
  std::size_t n_threads_ = 0;
};

}  // namespace

CommandInfo quantize_command() {
  return {.name = "quantize",
          .summary = "Make a smaller copy of a model file",
          .description =
              "Writes a quantized copy of a model. The types _S, _M and _L are mixes that give sensitive tensors "
              "more bits.\nRows that do not fit a type's blocks take a type with smaller blocks.",
          .examples = "  hearth quantize model-F16.gguf model-Q4_K_M.gguf Q4_K_M",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<Quantize>(); }};
}

}  // namespace hearth::cli
