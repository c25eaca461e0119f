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
  std::uint64_t working_bytes = 0;           // activations of one micro-batch, estimated from above
};

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

/// Reads no weights; `ubatch` rows are assumed for working memory.
Result<ModelReport> report_model(const ModelFile& file, std::size_t ubatch = 512);

}  // namespace hearth
