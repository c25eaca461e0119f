// hearth logits: raw model outputs for given tokens, to compare engines and find faults.
#include <algorithm>

#include "base/file.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/model_flags.h"
#include "cli/token_file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

/// Writes rows as they come; a failed write stops the evaluation through `failed`.
class RowWriter final : public OutputSink {
 public:
  explicit RowWriter(AtomicFileWriter& file) : file_(file) {}
  void row(std::size_t, std::span<const float> values) override {
    if (!status) return;
    status = file_.write(std::as_bytes(values));
    n_out = values.size();
    ++n_rows;
  }
  Status status;
  std::size_t n_rows = 0, n_out = 0;

 private:
  AtomicFileWriter& file_;
};

struct Shape {
  std::size_t n_rows, n_out;
};

/// The residual stream after every layer, [n_layers][n_tokens][dim], collected because micro-batches come one by one.
class LayerDump {
 public:
  LayerDump(const ModelInfo& info, std::size_t n_tokens) : dim_(info.dim), n_tokens_(n_tokens) {
    values_.resize(info.n_layers * n_tokens * dim_);
  }
  void add(std::size_t layer, std::size_t row_begin, std::span<const float> values) {
    const std::size_t at = (layer * n_tokens_ + row_begin) * dim_;
    if (at + values.size() <= values_.size())
      std::ranges::copy(values, values_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  [[nodiscard]] Status save(const std::string& path) const {
    HEARTH_TRY(AtomicFileWriter file, AtomicFileWriter::create(path));
    HEARTH_CHECK(file.write(std::as_bytes(std::span(values_))));
    return file.publish();
  }

 private:
  std::size_t dim_, n_tokens_;
  std::vector<float> values_;
};

class Logits final : public Command {
 public:
  void declare(Flags& flags) override {
    model_.declare_model(flags);
    flags.text("--tokens", tokens_, "FILE.json", "A JSON list of token ids, or an object with \"tokens\" (required)");
    flags.text("--out", out_, "FILE.f32", "Where to write the outputs (required)");
    model_.declare_context(flags);
    model_.declare_compute(flags);
    flags.text("--dump-layers", dump_, "FILE", "Also write the residual stream after every layer, [layer][token][dim]");
    flags.toggle("--last", last_, "Write only the last token's outputs, as reading a prompt needs them");
    flags.toggle("--json", json_, "Print the shape of what was written as JSON");
  }

  Outcome run(const Settings& settings) override {
    if (tokens_.empty() || out_.empty())
      return usage_error("--tokens FILE.json and --out FILE.f32 are needed; see `hearth logits --help`");
    HEARTH_TRY(const TokenFile input, read_token_file(tokens_));
    if (input.tokens.empty()) {
      return std::unexpected(
          Failure({ErrorCode::kInvalidArgument, fmt::format("{} holds no tokens; give at least one", tokens_)}));
    }
    HEARTH_TRY(const auto model, model_.open(settings));
    SequenceOptions sequence_options = model_.sequence();
    if (model_.n_ctx == 0 && input.n_ctx) sequence_options.n_ctx = *input.n_ctx;
    HEARTH_TRY(const SequenceId id, model->create_sequence(sequence_options));
    const ScopedSequence sequence(*model, id);
    HEARTH_TRY(const Shape shape, evaluate(*model, id, input.tokens));
    if (json_) {
      const nlohmann::json told = {{"n_rows", shape.n_rows}, {"n_out", shape.n_out}, {"output", kind_name(*model)}};
      HEARTH_CHECK(print(told.dump() + "\n"));
    } else {
      note(fmt::format("{} x {} float32 ({}) written to {}", shape.n_rows, shape.n_out, kind_name(*model), out_));
    }
    return kOk;
  }

 private:
  static bool embeds(const LanguageModel& model) { return model.capabilities().kind == Capabilities::Kind::kEncoder; }
  static std::string_view kind_name(const LanguageModel& model) { return embeds(model) ? "embeddings" : "logits"; }

  Checked<Shape> evaluate(LanguageModel& model, SequenceId id, std::span<const Token> tokens) const {
    HEARTH_TRY(AtomicFileWriter file, AtomicFileWriter::create(out_));
    RowWriter rows(file);
    std::optional<LayerDump> dump;
    EvaluateOptions options{.cancelled = [&] { return !rows.status; }, .observe_layer = {}, .ubatch = model_.ubatch};
    if (!dump_.empty()) {
      dump.emplace(model.info(), tokens.size());
      options.observe_layer = [&](std::size_t layer, std::size_t row, std::span<const float> values) {
        dump->add(layer, row, values);
      };
    }
    std::vector<Want> wants;
    for (std::size_t row = last_ ? tokens.size() - 1 : 0; row < tokens.size(); ++row)
      wants.push_back({.item_idx = 0, .row = row, .kind = embeds(model) ? Want::Kind::kHidden : Want::Kind::kLogits});
    const Item item{.sequence = id, .tokens = tokens};
    const Status status = model.evaluate({&item, 1}, wants, rows, options);
    HEARTH_CHECK(rows.status);
    if (!status) return std::unexpected(Failure(Error(status.error()).within("evaluating " + tokens_)));
    HEARTH_CHECK(file.publish());
    if (dump) HEARTH_CHECK(dump->save(dump_));
    return Shape{rows.n_rows, rows.n_out};
  }

  ModelFlags model_;
  std::string tokens_, out_, dump_;
  bool last_ = false, json_ = false;
};

}  // namespace

CommandInfo logits_command() {
  return {
      .name = "logits",
      .summary = "Write the raw outputs of a model for given tokens",
      .description =
          "Evaluates token ids and writes raw little-endian float32 values, one row per token: logits, or the\nfinal "
          "hidden states of an embedding model. No BOS is added. Without --ctx, a number \"n_ctx\" in\nthe token file "
          "counts, else what the model was trained for.",
      .examples = "  hearth logits model.gguf --tokens ids.json --out logits.f32 --kv f32",
      .make = []() -> std::unique_ptr<Command> { return std::make_unique<Logits>(); }};
}

}  // namespace hearth::cli
