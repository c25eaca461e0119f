// hearth inspect: what a model file is and what it will take, without loading it.
#include <algorithm>

#include "cli/command.h"
#include "cli/console.h"
#include "cli/metadata_text.h"
#include "cli/model_flags.h"
#include "cli/visible_text.h"
#include "device/memory.h"
#include "engine/registry.h"
#include "library/fit/need.h"
#include "library/model_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

using Json = nlohmann::json;

std::string parameters_text(std::uint64_t n) {
  const auto value = static_cast<double>(n);
  if (n >= 1'000'000'000) return fmt::format("{:.2f} B", value / 1e9);
  if (n >= 1'000'000) return fmt::format("{:.1f} M", value / 1e6);
  return fmt::format("{:.1f} K", value / 1e3);
}

std::string dims_text(const TensorInfo& tensor) {
  return fmt::format("[{}]", fmt::join(tensor.dims.begin(), tensor.dims.begin() + tensor.n_dims, ", "));
}

class Inspect final : public Command {
 public:
  void declare(Flags& flags) override {
    flags.model("MODEL", model_.path, model_.typed, "The model: a file or a name");
    flags.toggle("--tensors", tensors_, "List every tensor: name, type, shape, size");
    flags.toggle("--metadata", metadata_, "List every metadata key");
    flags.toggle("--template", template_, "Print the chat template and nothing else");
    model_.declare_context(flags);
    flags.toggle("--json", json_, "Print JSON");
  }

  Outcome run(const Settings&) override {
    HEARTH_TRY(const Engine* engine, choose_engine(model_.path, {}));
    if (engine->name != "native") {
      return std::unexpected(Failure(
          {ErrorCode::kUnsupportedFormat,
           fmt::format("{} belongs to the engine \"{}\", which has no file to inspect", model_.typed, engine->name)}));
    }
    HEARTH_TRY(const auto file, open_model_file(model_.path));
    HEARTH_TRY(const ModelReport report, report_model(*file));
    if (template_) {
      if (report.chat_template.empty()) {
        return std::unexpected(
            Failure({ErrorCode::kUnsupportedModel, fmt::format("{} has no chat template", model_.typed)}));
      }
      HEARTH_CHECK(print_foreign(report.chat_template + "\n"));
      return kOk;
    }
    HEARTH_CHECK(print_foreign(json_ ? as_json(*file, report).dump(2, ' ', false, Json::error_handler_t::replace) + "\n"
                                     : as_text(*file, report)));
    return kOk;
  }

 private:
  [[nodiscard]] std::size_t planned_ctx(const ModelInfo& info) const {
    constexpr std::size_t kUsual = 4096;
    return model_.n_ctx ? model_.n_ctx : std::min(info.n_ctx_train, kUsual);
  }
  [[nodiscard]] fit::MemoryNeed need(const ModelReport& report) const {
    return fit::need_of(*report.memory,
                        {.n_ctx = planned_ctx(*report.info), .ubatch = model_.ubatch, .kv = model_.sequence().kv});
  }

  [[nodiscard]] std::string as_text(const ModelFile& file, const ModelReport& report) const {
    std::string out = fmt::format("{}\n", model_.typed);
    const auto line = [&](std::string_view name, const std::string& text) {
      out += fmt::format("  {:13} {}\n", name, text);
    };
    line("format", fmt::format("{}, {}{}", report.format, bytes_text(report.file_bytes),
                               report.n_files > 1 ? fmt::format(" in {} files", report.n_files) : ""));
    line("architecture", shown(report.architecture));
    if (!report.name.empty()) line("name", shown(report.name));
    line("parameters", fmt::format("{} in {} tensors, {:.2f} bits each", parameters_text(report.n_parameters),
                                   report.n_tensors, bits_each(report)));
    if (!report.types.empty()) line("quantization", quantization_text(report));
    if (report.info) line("shape", shape_text(*report.info));
    line("tokenizer", tokenizer_text(report.tokenizer));
    line("template", report.chat_template.empty()
                         ? "none"
                         : fmt::format("{} bytes (--template shows it)", report.chat_template.size()));
    if (report.memory) {
      const fit::MemoryNeed memory = need(report);
      line("memory",
           fmt::format("{} = weights {} + KV {} ({} positions, {}) + working {} + vocabulary {} + program {}",
                       bytes_text(memory.total()), bytes_text(memory.weight_bytes), bytes_text(memory.kv_bytes),
                       planned_ctx(*report.info), model_.kv, bytes_text(memory.working_bytes),
                       bytes_text(memory.vocabulary_bytes), bytes_text(memory.program_bytes)));
      const std::uint64_t usable = usable_memory_bytes(read_memory_state());
      line("", memory.total() <= usable ? fmt::format("fits: {} are available", bytes_text(usable))
                                        : fmt::format("does not fit: only {} are available", bytes_text(usable)));
    }
    if (!report.obstacle.empty()) line("cannot run", report.obstacle);
    if (metadata_) out += "\n" + metadata_text(file);
    if (tensors_) {
      out += "\n";
      for (const TensorInfo& tensor : file.tensors()) {
        out += fmt::format("{:40} {:8} {:24} {}\n", quote_untrusted(tensor.name), dtype_info(tensor.dtype).name,
                           dims_text(tensor), bytes_text(tensor.size_bytes));
      }
    }
    return out;
  }

  static std::string shown(const std::string& text) { return text.empty() ? "unknown" : quote_untrusted(text); }
  static double bits_each(const ModelReport& report) {
    return report.n_parameters
               ? 8.0 * static_cast<double>(report.tensor_bytes) / static_cast<double>(report.n_parameters)
               : 0;
  }
  static std::string quantization_text(const ModelReport& report) {
    std::vector<std::string> parts;
    for (const TypeShare& share : report.types) {
      parts.push_back(
          fmt::format("{} {:.0f} %", dtype_info(share.type).name,
                      100.0 * static_cast<double>(share.size_bytes) / static_cast<double>(report.tensor_bytes)));
    }
    const std::string mix = fmt::format("{} of the bytes", fmt::join(parts, ", "));
    return report.file_type.empty() ? mix : fmt::format("{} ({})", report.file_type, mix);
  }
  static std::string shape_text(const ModelInfo& info) {
    std::string text = fmt::format(
        "{} layers, dim {}, ffn {}, heads {}/{} of {}, vocabulary {}, trained for {} positions", info.n_layers,
        info.dim, info.ffn_dim, info.n_heads, info.n_kv_heads, info.head_dim, info.vocab_size, info.n_ctx_train);
    if (info.n_experts) text += fmt::format(", {} experts, {} used", info.n_experts, info.n_experts_used);
    return text;
  }
  static std::string tokenizer_text(const TokenizerReport& tokenizer) {
    if (tokenizer.model.empty()) return "none";
    std::string text = quote_untrusted(tokenizer.model);
    if (!tokenizer.pre.empty()) text += ", pre-tokenizer " + quote_untrusted(tokenizer.pre);
    if (tokenizer.n_tokens) text += fmt::format(", {} tokens", tokenizer.n_tokens);
    return tokenizer.obstacle.empty() ? text : text + ", unusable: " + tokenizer.obstacle;
  }

  [[nodiscard]] Json as_json(const ModelFile& file, const ModelReport& report) const {
    Json types = Json::array();
    for (const TypeShare& share : report.types) {
      types.push_back({{"type", dtype_info(share.type).name},
                       {"tensors", share.n_tensors},
                       {"elements", share.n_elements},
                       {"bytes", share.size_bytes}});
    }
    Json json = {{"path", model_.path},
                 {"format", report.format},
                 {"files", report.n_files},
                 {"bytes", report.file_bytes},
                 {"architecture", report.architecture},
                 {"name", report.name},
                 {"file_type", report.file_type},
                 {"parameters", report.n_parameters},
                 {"tensor_bytes", report.tensor_bytes},
                 {"bits_per_weight", bits_each(report)},
                 {"types", types},
                 {"tokenizer",
                  {{"model", report.tokenizer.model},
                   {"pre", report.tokenizer.pre},
                   {"tokens", report.tokenizer.n_tokens},
                   {"obstacle", report.tokenizer.obstacle}}},
                 {"chat_template", report.chat_template},
                 {"runs", report.obstacle.empty()},
                 {"obstacle", report.obstacle}};
    if (report.info) json["shape"] = shape_json(*report.info);
    if (report.memory) {
      const auto& per_token = report.memory->kv_bytes_per_token;
      const fit::MemoryNeed memory = need(report);
      json["memory"] = {{"total_bytes", memory.total()},
                        {"weight_bytes", report.memory->weight_bytes},
                        {"kv_bytes", memory.kv_bytes},
                        {"n_ctx", planned_ctx(*report.info)},
                        {"kv_bytes_per_token", {{"f16", per_token[0]}, {"f32", per_token[1]}, {"q8_0", per_token[2]}}},
                        {"recurrent_bytes", report.memory->recurrent_bytes},
                        {"working_bytes", memory.working_bytes}};
    }
    if (metadata_) json["metadata"] = Json::parse(metadata_json(file));
    if (tensors_) {
      json["tensors"] = Json::array();
      for (const TensorInfo& tensor : file.tensors()) {
        json["tensors"].push_back({{"name", tensor.name},
                                   {"type", dtype_info(tensor.dtype).name},
                                   {"dims", std::vector(tensor.dims.begin(), tensor.dims.begin() + tensor.n_dims)},
                                   {"bytes", tensor.size_bytes}});
      }
    }
    return json;
  }
  static Json shape_json(const ModelInfo& info) {
    return {{"n_layers", info.n_layers},     {"dim", info.dim},
            {"ffn_dim", info.ffn_dim},       {"n_heads", info.n_heads},
            {"n_kv_heads", info.n_kv_heads}, {"head_dim", info.head_dim},
            {"vocab_size", info.vocab_size}, {"n_ctx_train", info.n_ctx_train},
            {"n_experts", info.n_experts},   {"n_experts_used", info.n_experts_used}};
  }

  ModelFlags model_;
  bool tensors_ = false, metadata_ = false, template_ = false, json_ = false;
};

}  // namespace

CommandInfo inspect_command() {
  return {.name = "inspect",
          .summary = "Show what a model file is and what it will take",
          .description =
              "Reads the header of a model file and shows architecture, sizes, quantization, tokenizer, template\n"
              "and the memory it will take. No weights are read.",
          .examples = "  hearth inspect model.gguf --tensors\n  hearth inspect model.gguf --ctx 32768 --kv q8_0",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<Inspect>(); }};
}

}  // namespace hearth::cli
