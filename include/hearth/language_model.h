// LanguageModel: the noun at the level of tokens. Ours (native), the fake and every foreign engine that gives logits
// implement it; sampling, grammars, sessions and speculation are written once above it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "hearth/vocabulary.h"

namespace hearth {

/// What an engine can do with this model. What it cannot is an error or a line in the receipt, never silence.
struct Capabilities {
  enum class Kind : std::uint8_t { kDecoder, kEncoder, kEncoderDecoder } kind = Kind::kDecoder;
  enum class Rewind : std::uint8_t { kAny, kWindow, kCheckpoint, kNone } rewind = Rewind::kAny;
  enum class Logits : std::uint8_t { kAll, kLast, kTopN, kNone } logits = Logits::kAll;
  std::size_t max_sequences = 1;
  std::size_t max_rows = 1;  // tokens of one evaluate call
  bool fork = false;
  bool save = false;
  bool token_bytes = false;
  bool embeddings_in = false;
  bool adapters = false;
  bool attention = false;        // EvaluateOptions::observe_attention
  bool batch_invariant = false;  // bits never depend on batch, threads or splitting
};

/// Facts for people and planners.
struct ModelInfo {
  std::string architecture;
  std::string name;
  std::size_t n_layers = 0, dim = 0, n_heads = 0, n_kv_heads = 0, head_dim = 0, ffn_dim = 0, vocab_size = 0;
  std::size_t n_experts = 0, n_experts_used = 0;
  std::size_t n_ctx_train = 0;
  std::uint64_t n_parameters = 0;
  std::uint64_t weight_bytes = 0;        // in memory
  std::uint64_t kv_bytes_per_token = 0;  // at the default KV type, full-attention layers
  std::string engine;                    // "native"
  std::string isa;                       // kernel table in use
  std::uint32_t recipe_id = 0;           // docs/numerics.md; 0 where none is promised
  std::uint64_t fingerprint = 0;         // of the weights: saved state of another one means nothing here
  int n_threads = 0;                     // 0 where the engine does not say
  std::string quantization;              // the type that most of the weights have: "Q4_K"
  std::string chat_template;             // Jinja, as the model's files have it; empty where they have none
  std::string tool_chat_template;        // the same for conversations with tools
  /// Options of sampling that the model's files recommend, by the names of SamplingRequest: {"temperature", 0.6}.
  std::vector<std::pair<std::string, double>> recommended;
};

using SequenceId = std::uint32_t;

/// How activations meet BF16 weights: as they are, or rounded to BF16 (numeric recipe 2), which some processors
/// multiply twice as fast.
enum class ActivationPrecision : std::uint8_t { kFloat, kBf16 };

enum class KvStorage : std::uint8_t { kF16, kF32, kQ8_0 };

struct SequenceOptions {
  std::size_t n_ctx = 0;  // positions; 0 = what the model was trained for
  KvStorage kv = KvStorage::kF16;
};

/// New tokens (or embeddings) of one sequence, appended at its end.
struct Item {
  SequenceId sequence = 0;
  std::span<const Token> tokens;
  std::span<const float> embeddings;        // [n][dim], instead of tokens
  std::span<const std::int32_t> positions;  // [n][1..4] where a model takes its own; empty = consecutive
  enum class Span : std::uint8_t { kCausal, kBidirectional } span = Span::kCausal;  // bidirectional: never split
};

/// What to return for a row of an item.
struct Want {
  std::size_t item_idx = 0;
  std::size_t row = 0;  // within the item
  enum class Kind : std::uint8_t { kLogits, kTopK, kHidden, kPooled } kind = Kind::kLogits;
  std::size_t k = 0;                    // kTopK: how many
  std::span<const std::uint32_t> mask;  // kTopK: bit per token, 1 = allowed; empty = all
  std::span<const float> bias;          // kTopK: added to each logit; empty = none
};

struct TopToken {
  Token token;
  float logit;
};

/// Receives results while they are computed: wide logits are streamed, not kept. Calls come one at a time, in the order
/// of the wants within an item; the spans are valid during the call.
class OutputSink {
 public:
  virtual ~OutputSink() = default;
  /// Logits [vocab_size], hidden state or pooled vector [dim].
  virtual void row(std::size_t want_idx, std::span<const float> values) = 0;
  /// Best first, ties to the lowest id; log_sum_exp over the allowed tokens.
  virtual void top(std::size_t want_idx, std::span<const TopToken> tokens, float log_sum_exp);
};

/// Collects rows: for callers that want few.
class RowCollector final : public OutputSink {
 public:
  void row(std::size_t want_idx, std::span<const float> values) override {
    if (rows.size() <= want_idx) rows.resize(want_idx + 1);
    rows[want_idx].assign(values.begin(), values.end());
  }
  std::vector<std::vector<float>> rows;
};

/// Asked between layers; true stops the evaluation.
using CancelCheck = std::function<bool()>;
/// Sees the residual stream after each layer: (layer, first row of the batch, values [n_rows][dim]). For diagnosis.
using LayerObserver = std::function<void(std::size_t layer, std::size_t row_begin, std::span<const float> values)>;

/// Sees where some layers look: for each row that is wanted, weights [n_heads][positions up to the row's]. Those of a
/// head add up to 1, less what an attention sink takes. Rows count through all items of the call. Slow: for diagnosis.
struct AttentionObserver {
  std::vector<std::size_t> layers;
  std::function<void(std::size_t layer, std::size_t row, std::size_t n_heads, std::span<const float> weights)> see;
};

struct EvaluateOptions {
  CancelCheck cancelled;
  LayerObserver observe_layer;
  AttentionObserver observe_attention = {};  // of layers that have attention; anything else is refused
  std::size_t ubatch = 512;                  // rows of one pass through the layers; bits do not depend on it
};

class LanguageModel {
 public:
  virtual ~LanguageModel() = default;
  [[nodiscard]] virtual const ModelInfo& info() const = 0;
  [[nodiscard]] virtual const Capabilities& capabilities() const = 0;
  /// Null for a model whose file carries no vocabulary.
  [[nodiscard]] virtual const Vocabulary* vocabulary() const = 0;

  virtual Result<SequenceId> create_sequence(const SequenceOptions& options) = 0;
  virtual void destroy_sequence(SequenceId sequence) = 0;
  [[nodiscard]] virtual Result<std::size_t> length(SequenceId sequence) const = 0;
  /// A new sequence that shares the first `at` positions; memory is shared until one of them writes.
  virtual Result<SequenceId> fork(SequenceId sequence, std::size_t at) = 0;
  /// Forgets positions from `to` on; returns the position reached, which is lower where the state cannot go back
  /// exactly.
  virtual Result<std::size_t> rewind(SequenceId sequence, std::size_t to) = 0;
  /// The state of positions [0, length) as bytes, handed over in chunks; bound to this model and recipe.
  virtual Status export_state(SequenceId sequence,
                              const std::function<Status(std::span<const std::byte>)>& write) const = 0;
  /// A new sequence from exported bytes, which are hostile: anything foreign or damaged is refused.
  virtual Result<SequenceId> import_state(std::span<const std::byte> bytes, const SequenceOptions& options) = 0;

  /// Runs the items through the model and streams what is wanted. Atomic: an error or a cancel changes no sequence.
  virtual Status evaluate(std::span<const Item> items, std::span<const Want> wants, OutputSink& sink,
                          const EvaluateOptions& options = {}) = 0;
};

/// A sequence that destroys itself.
class ScopedSequence {
 public:
  ScopedSequence(LanguageModel& model, SequenceId id) : model_(&model), id_(id) {}
  ~ScopedSequence() {
    if (model_) model_->destroy_sequence(id_);
  }
  ScopedSequence(ScopedSequence&& other) noexcept : model_(std::exchange(other.model_, nullptr)), id_(other.id_) {}
  ScopedSequence& operator=(ScopedSequence&&) = delete;
  [[nodiscard]] SequenceId id() const { return id_; }

 private:
  LanguageModel* model_;
  SequenceId id_;
};

inline void OutputSink::top(std::size_t, std::span<const TopToken>, float) {}

}  // namespace hearth
