// Collecting the facts of a model file.
#include "library/model_report.h"

#include <algorithm>
#include <map>

#include "base/thread_pool.h"
#include "engine/native/vocabulary.h"
#include "library/quantize_mix.h"
#include "models/model.h"

#include <fmt/format.h>

namespace hearth {

namespace {

/// A text of the file, or nothing: wrong types are no reason to show less of the rest.
std::string text_of(const ModelFile& file, std::string_view key) {
  return file.value_or<std::string>(key, "").value_or("");
}

std::string file_type_name(const ModelFile& file) {
  const auto number = file.require<std::uint32_t>("general.file_type");
  if (!number) return {};
  const auto mixes = quantize::all_mixes();
  const auto found = std::ranges::find(mixes, *number, &quantize::MixInfo::file_type);
  return found == mixes.end() ? fmt::format("file type {}", *number) : std::string(found->name);
}

TokenizerReport report_tokenizer(const ModelFile& file) {
  TokenizerReport report{.model = text_of(file, "tokenizer.ggml.model"),
                         .pre = text_of(file, "tokenizer.ggml.pre"),
                         .n_tokens = 0,
                         .obstacle = {}};
  if (const auto vocabulary = native::read_vocabulary(file); !vocabulary) {
    report.obstacle = vocabulary.error().message;
  } else if (*vocabulary) {
    report.n_tokens = (*vocabulary)->size();
  }
  return report;
}

/// Rows of activations that are alive together: the residual stream and its norm, query, key, value and attention's
/// output, gate and up, and logits in groups of 32 rows.
std::uint64_t working_bytes(const ModelConfig& c, std::size_t ubatch) {
  std::uint64_t widest_heads = 0, widest_ffn = 0;
  for (const std::size_t n : c.n_heads) widest_heads = std::max<std::uint64_t>(widest_heads, n);
  for (const std::size_t n : c.ffn_dim) widest_ffn = std::max<std::uint64_t>(widest_ffn, n);
  const std::uint64_t heads = widest_heads * (3 * c.k_head_dim + c.v_head_dim);
  const std::uint64_t per_row = 4ull * c.dim + std::max<std::uint64_t>(heads, 3 * widest_ffn);
  return 4 * (ubatch * per_row + std::uint64_t{32} * c.vocab_size);
}

Status plan(const ModelFile& file, std::size_t ubatch, ModelReport& report) {
  ThreadPool pool(1);
  WeightLoader weights(file, pool, {.depth = LoadOptions::Depth::kPlan});
  HEARTH_TRY(const auto model, load_model(file, weights));
  const ModelConfig& c = model->config();
  report.info = ModelInfo{.architecture = c.architecture,
                          .name = c.name,
                          .n_layers = c.n_layers,
                          .dim = c.dim,
                          .n_heads = c.n_heads.empty() ? 0 : c.n_heads.front(),
                          .n_kv_heads = c.n_kv_heads.empty() ? 0 : c.n_kv_heads.front(),
                          .head_dim = c.k_head_dim,
                          .ffn_dim = c.ffn_dim.empty() ? 0 : c.ffn_dim.front(),
                          .vocab_size = c.vocab_size,
                          .n_experts = c.n_experts,
                          .n_experts_used = c.n_experts_used,
                          .n_ctx_train = c.n_ctx_train,
                          .n_parameters = report.n_parameters,
                          .weight_bytes = weights.resident_bytes()};
  MemoryPlan memory{.weight_bytes = weights.resident_bytes(), .working_bytes = working_bytes(c, ubatch)};
  const auto states = model->state();
  for (const KvStorage kv : {KvStorage::kF16, KvStorage::kF32, KvStorage::kQ8_0}) {
    const ops::StateLayout layout(states, static_cast<kernels::KvType>(kv));
    memory.kv_bytes_per_token[static_cast<std::size_t>(kv)] = layout.block_bytes() / kernels::kAttentionBlock;
    memory.recurrent_bytes = layout.n_recurrent() * sizeof(float);
  }
  report.info->kv_bytes_per_token = memory.kv_bytes_per_token[0];
  report.memory = memory;
  return {};
}

}  // namespace

Result<ModelReport> report_model(const ModelFile& file, std::size_t ubatch) {
  ModelReport report{.format = file.format(),
                     .n_files = file.paths().size(),
                     .file_bytes = file.size_bytes(),
                     .architecture = text_of(file, "general.architecture"),
                     .name = text_of(file, "general.name"),
                     .file_type = file_type_name(file),
                     .n_tensors = file.tensors().size()};
  std::map<DType, TypeShare> shares;
  for (const TensorInfo& tensor : file.tensors()) {
    TypeShare& share = shares[tensor.dtype];
    share.type = tensor.dtype;
    ++share.n_tensors;
    share.n_elements += tensor.n_elements();
    share.size_bytes += tensor.size_bytes;
    report.n_parameters += tensor.n_elements();
    report.tensor_bytes += tensor.size_bytes;
  }
  for (const auto& [type, share] : shares) report.types.push_back(share);
  std::ranges::stable_sort(report.types, std::greater(), &TypeShare::size_bytes);
  report.tokenizer = report_tokenizer(file);
  report.chat_template = text_of(file, "tokenizer.chat_template");
  if (const Status planned = plan(file, ubatch, report); !planned) report.obstacle = planned.error().message;
  return report;
}

}  // namespace hearth
