// NativeModel: loading and the life of sequences. Evaluation is in evaluate.cpp, saved state in state_file.cpp.
#include "engine/native/native_model.h"

#include <algorithm>
#include <map>
#include <new>

#include "base/hash.h"
#include "engine/native/vocabulary.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hearth::native {

namespace {

Result<const kernels::KernelTable*> choose_kernels(const std::string& isa) {
  const CpuFeatures cpu = detect_cpu_features();
  if (isa.empty()) return &kernels::best_table(cpu);
  const kernels::KernelTable* table = kernels::find_table(isa);
  if (!table || !table->supported(cpu)) {
    std::vector<std::string_view> usable;
    for (const auto* t : kernels::all_tables()) {
      if (t->supported(cpu)) usable.push_back(t->name);
    }
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the kernel table \"{}\" {}; this machine can use: {}", isa,
                            table ? "needs instructions this CPU lacks" : "does not exist", fmt::join(usable, ", ")));
  }
  return table;
}

/// Identity of the weights for saved state: metadata, tensor directory and the first bytes of every tensor.
Result<std::uint64_t> fingerprint(const ModelFile& file) {
  Hash64 hash;
  for (const TensorInfo& tensor : file.tensors()) {
    hash.add(tensor.name);
    hash.add(static_cast<std::uint64_t>(tensor.dtype));
    for (const std::uint64_t dim : tensor.dims) hash.add(dim);
    std::byte sample[256];
    const std::span bytes(sample, std::min<std::uint64_t>(sizeof sample, tensor.size_bytes));
    HEARTH_CHECK(file.read_tensor_range(tensor, 0, bytes));
    hash.add(std::span<const std::byte>(bytes));
  }
  return hash.value();
}

/// The type that holds most of the weights.
std::string main_type(const ModelFile& file) {
  std::map<DType, std::uint64_t> n_elements;
  for (const TensorInfo& tensor : file.tensors()) n_elements[tensor.dtype] += tensor.n_elements();
  const auto most = std::ranges::max_element(n_elements, {}, [](const auto& entry) { return entry.second; });
  return most == n_elements.end() ? std::string() : std::string(dtype_info(most->first).name);
}

/// Whether a matrix product has BF16 weights; tables that are only read by rows have none.
bool multiplies_bf16(const ModelFile& file) {
  const bool own_output = file.find_tensor("output.weight") != nullptr;
  return std::ranges::any_of(file.tensors(), [&](const TensorInfo& tensor) {
    const bool only_read = (tensor.name == "token_embd.weight" && own_output) ||
                           tensor.name == "position_embd.weight" || tensor.name == "token_types.weight";
    return tensor.dtype == DType::kBF16 && tensor.n_dims > 1 && !only_read;
  });
}

/// What the files say to applications: templates, and how to sample.
Status read_advice(const ModelFile& file, ModelInfo& info) {
  HEARTH_TRY(info.chat_template, file.value_or<std::string>("tokenizer.chat_template", ""));
  HEARTH_TRY(info.tool_chat_template, file.value_or<std::string>("tokenizer.chat_template.tool_use", ""));
  constexpr std::pair<const char*, const char*> kReal[] = {
      {"temp", "temperature"}, {"top_p", "top_p"}, {"min_p", "min_p"}, {"penalty_repeat", "repetition_penalty"}};
  constexpr std::pair<const char*, const char*> kWhole[] = {{"top_k", "top_k"}, {"penalty_last_n", "penalty_window"}};
  const auto key = [](const char* name) { return std::string("general.sampling.") + name; };
  for (const auto& [theirs, ours] : kReal) {
    HEARTH_TRY(const std::optional<float> value, file.find<float>(key(theirs)));
    if (value) info.recommended.emplace_back(ours, *value);
  }
  for (const auto& [theirs, ours] : kWhole) {
    HEARTH_TRY(const std::optional<std::int32_t> value, file.find<std::int32_t>(key(theirs)));
    if (value) info.recommended.emplace_back(ours, *value);
  }
  return {};
}

ModelInfo describe(const ModelFile& file, const Model& model, std::uint64_t weight_bytes,
                   const ops::StateLayout& layout) {
  const ModelConfig& c = model.config();
  ModelInfo info{.architecture = c.architecture,
                 .name = c.name,
                 .n_layers = c.n_layers,
                 .dim = c.dim,
                 .n_heads = c.n_heads[0],
                 .n_kv_heads = c.n_kv_heads[0],
                 .head_dim = c.k_head_dim,
                 .ffn_dim = c.ffn_dim[0],
                 .vocab_size = c.vocab_size,
                 .n_experts = c.n_experts,
                 .n_experts_used = c.n_experts_used,
                 .n_ctx_train = c.n_ctx_train,
                 .weight_bytes = weight_bytes,
                 .kv_bytes_per_token = layout.block_bytes() / kernels::kAttentionBlock,
                 .engine = "native"};
  for (const TensorInfo& tensor : file.tensors()) info.n_parameters += tensor.n_elements();
  info.quantization = main_type(file);
  return info;
}

}  // namespace

Result<std::unique_ptr<NativeModel>> NativeModel::open(const std::filesystem::path& path, const Options& options) {
  HEARTH_TRY(auto file, open_model_file(path));
  auto model = load(*file, options);
  if (!model) return std::unexpected(std::move(model.error()).within(fmt::format("loading {}", path.string())));
  return model;
}

Result<std::unique_ptr<NativeModel>> NativeModel::load(const ModelFile& file, const Options& options) {
  std::unique_ptr<NativeModel> self(new NativeModel);
  HEARTH_TRY(self->kernels_, choose_kernels(options.isa));
  self->log_ = options.log;
  self->pool_ = options.pool
                    ? options.pool
                    : std::make_shared<ThreadPool>(options.n_threads > 0 ? options.n_threads : default_thread_count());
  auto vocabulary = read_vocabulary(file);
  if (!vocabulary) return std::unexpected(std::move(vocabulary.error()).within("reading the tokenizer"));
  self->vocabulary_ = std::move(*vocabulary);
  WeightLoader weights(file, *self->pool_, options.load);
  HEARTH_TRY(self->model_, load_model(file, weights));
  const auto states = self->model_->state();
  for (const KvStorage kv : {KvStorage::kF16, KvStorage::kF32, KvStorage::kQ8_0}) {
    self->layouts_[static_cast<std::size_t>(kv)] = ops::StateLayout(states, static_cast<kernels::KvType>(kv));
  }
  HEARTH_TRY(self->fingerprint_, fingerprint(file));
  self->info_ = describe(file, *self->model_, weights.loaded_bytes(), self->layout(KvStorage::kF16));
  HEARTH_CHECK(read_advice(file, self->info_));
  self->info_.isa = self->kernels_->name;
  self->info_.n_threads = self->pool_->n_threads();
  const bool rounds = options.activations == ActivationPrecision::kBf16 && multiplies_bf16(file);
  self->info_.recipe_id = rounds ? kernels::kBf16RecipeId : kernels::kRecipeId;
  self->info_.fingerprint = self->fingerprint_;
  const bool encoder = self->model_->is_encoder();
  const bool recurrent = self->layouts_[0].n_recurrent() > 0;
  self->capabilities_ = {.kind = encoder ? Capabilities::Kind::kEncoder : Capabilities::Kind::kDecoder,
                         .rewind = recurrent ? Capabilities::Rewind::kCheckpoint : Capabilities::Rewind::kAny,
                         .logits = encoder ? Capabilities::Logits::kNone : Capabilities::Logits::kAll,
                         .max_sequences = 65536,
                         .max_rows = 1u << 20,
                         .fork = true,
                         .save = true,
                         .token_bytes = self->vocabulary_ != nullptr,
                         .embeddings_in = true,
                         .adapters = false,
                         .attention = self->layouts_[0].block_bytes() > 0,
                         .batch_invariant = true};
  const std::string where = weights.finish();
  self->log_.write(LogLevel::kInfo, fmt::format("loaded {} ({}), {} MiB, {}, kernels {}, {} threads", self->info_.name,
                                                self->info_.architecture, weights.loaded_bytes() >> 20, where,
                                                self->info_.isa, self->pool_->n_threads()));
  return self;
}

Result<Sequence*> NativeModel::find(SequenceId id) const {
  const auto it = sequences_.find(id);
  if (it == sequences_.end()) return fail(ErrorCode::kInvalidArgument, fmt::format("there is no sequence {}", id));
  return &it->second;
}

SequenceId NativeModel::adopt(Sequence sequence) {
  sequences_.emplace(next_id_, std::move(sequence));
  return next_id_++;
}

Result<SequenceId> NativeModel::create_sequence(const SequenceOptions& options) {
  const std::size_t n_ctx = options.n_ctx ? options.n_ctx : info_.n_ctx_train;
  if (n_ctx > info_.n_ctx_train) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("a context of {} was asked for, but this model was trained for {} positions; ask for less",
                            n_ctx, info_.n_ctx_train));
  }
  const std::lock_guard lock(mutex_);
  try {
    return adopt(Sequence(layout(options.kv), n_ctx));
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kContextCreationFailed,
                fmt::format("making a context of {} positions: no memory for its state; fewer conversations at once, a "
                            "shorter --ctx or --kv q8_0 need less",
                            n_ctx));
  }
}

void NativeModel::destroy_sequence(SequenceId sequence) {
  const std::lock_guard lock(mutex_);
  sequences_.erase(sequence);
  if (sequences_.empty()) storage_.trim();
}

Result<std::size_t> NativeModel::length(SequenceId sequence) const {
  const std::lock_guard lock(mutex_);
  HEARTH_TRY(const Sequence* s, find(sequence));
  return s->length();
}

Result<SequenceId> NativeModel::fork(SequenceId sequence, std::size_t at) {
  const std::lock_guard lock(mutex_);
  HEARTH_TRY(const Sequence* parent, find(sequence));
  HEARTH_TRY(Sequence child, parent->fork(at));
  return adopt(std::move(child));
}

Result<std::size_t> NativeModel::rewind(SequenceId sequence, std::size_t to) {
  const std::lock_guard lock(mutex_);
  HEARTH_TRY(Sequence * s, find(sequence));
  return s->rewind(to);
}

}  // namespace hearth::native
