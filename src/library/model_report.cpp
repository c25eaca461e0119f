// Collecting the facts of a model file.
#include "library/model_report.h"

#include <algorithm>
#include <map>
#include <variant>

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

/// What reading and keeping the tokenizer takes at its peak: about three and a half times its bytes in the file,
/// measured with vocabularies of 32,000 to 152,000 tokens.
std::uint64_t vocabulary_bytes(const ModelFile& file) {
  std::uint64_t n_bytes = 0;
  for (std::size_t i = 0; i < file.n_metadata(); ++i) {
    const MetadataEntry entry = file.metadata(i);
    if (!entry.key.starts_with("tokenizer.")) continue;
    if (const auto* array = std::get_if<MetadataArray>(&entry.value.value)) n_bytes += array->bytes.size();
  }
  return n_bytes * 7 / 2;
}

Status plan(const ModelFile& file, ModelReport& report) {
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
  std::uint64_t widest_heads = 0, widest_ffn = 0;
  for (const std::size_t n : c.n_heads) widest_heads = std::max<std::uint64_t>(widest_heads, n);
  for (const std::size_t n : c.ffn_dim) widest_ffn = std::max<std::uint64_t>(widest_ffn, n);
  MemoryPlan memory{
      .weight_bytes = weights.resident_bytes(),
      .working_row_bytes = working_row_bytes(c.dim, widest_heads * (3 * c.k_head_dim + c.v_head_dim), widest_ffn),
      .logit_bytes = logit_bytes(c.vocab_size),
      .vocabulary_bytes = vocabulary_bytes(file)};
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

std::uint64_t working_row_bytes(std::uint64_t dim, std::uint64_t heads, std::uint64_t ffn_dim) {
  return 4 * (8 * dim + std::max(heads, 7 * ffn_dim / 2));
}

std::uint64_t logit_bytes(std::uint64_t vocab_size) {
  return 4 * 32 * vocab_size;
}

Result<PlannedModel> plan_memory(const ModelFile& file) {
  ModelReport report;
  HEARTH_CHECK(plan(file, report));
  PlannedModel planned{.memory = *report.memory, .n_ctx_train = report.info->n_ctx_train};
  for (const TensorInfo& tensor : file.tensors()) planned.n_parameters += tensor.n_elements();
  return planned;
}

Result<ModelReport> report_model(const ModelFile& file) {
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
  if (const Status planned = plan(file, report); !planned) report.obstacle = planned.error().message;
  return report;
}

}  // namespace hearth
