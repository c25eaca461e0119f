// What a model file is and what loading it will take, from its header alone: for people who choose, and for planning.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "file/model_file.h"
#include "hearth/language_model.h"

namespace hearth {

/// Tensors of one element type.
struct TypeShare {
  DType type = DType::kF32;
  std::size_t n_tensors = 0;
  std::uint64_t n_elements = 0;
  std::uint64_t size_bytes = 0;
};

struct TokenizerReport {
  std::string model;  // as the file says: "llama", "gpt2", ...; empty when there is none
  std::string pre;
  std::size_t n_tokens = 0;
  std::string obstacle;  // why we cannot use it; empty when we can
};

/// What running takes besides the file: computed from the model's own declaration of its state.
struct MemoryPlan {
  std::uint64_t weight_bytes = 0;
  std::uint64_t kv_bytes_per_token[3] = {};  // by KvStorage
  std::uint64_t recurrent_bytes = 0;         // per sequence
  std::uint64_t working_row_bytes = 0;       // activations of one row of a micro-batch
  std::uint64_t logit_bytes = 0;             // of the rows of logits that are held at once
  std::uint64_t vocabulary_bytes = 0;
};

/// Rows of activations that are alive together: the residual stream, its norm and their int8 forms, query, key, value
/// and attention's output, gate and up. `heads` are the elements of the four. Fitted to measured peaks.
std::uint64_t working_row_bytes(std::uint64_t dim, std::uint64_t heads, std::uint64_t ffn_dim);
/// Logits come in groups of 32 rows.
std::uint64_t logit_bytes(std::uint64_t vocab_size);

struct ModelReport {
  std::string format;
  std::size_t n_files = 1;
  std::uint64_t file_bytes = 0;
  std::string architecture, name;
  std::string file_type;  // of general.file_type: "Q4_K_M"; empty when unknown
  std::size_t n_tensors = 0;
  std::uint64_t n_parameters = 0, tensor_bytes = 0;
  std::vector<TypeShare> types;  // most bytes first
  TokenizerReport tokenizer;
  std::string chat_template;  // the Jinja text; empty when there is none
  /// Shapes and memory; absent with an obstacle where the native engine cannot load the file.
  std::optional<ModelInfo> info;
  std::optional<MemoryPlan> memory;
  std::string obstacle;
};

struct PlannedModel {
  MemoryPlan memory;
  std::size_t n_ctx_train = 0;
  std::uint64_t n_parameters = 0;
};
/// The memory alone, without looking at the tokenizer; an error where the native engine cannot load the file.
Result<PlannedModel> plan_memory(const ModelFile& file);

/// Reads no weights.
Result<ModelReport> report_model(const ModelFile& file);

}  // namespace hearth
