// The native engine: LanguageModel over our own forward passes, kernels and KV memory.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>

#include "base/log.h"
#include "base/thread_pool.h"
#include "engine/native/sequence.h"
#include "hearth/language_model.h"
#include "models/model.h"
#include "ops/native_context.h"

namespace hearth::native {

struct Options {
  /// Shared with other models if given; else the model makes its own of n_threads.
  std::shared_ptr<ThreadPool> pool;
  int n_threads = 0;  // 0: the cores this process may use
  std::string isa;    // a kernel table by name; empty: the best
  ActivationPrecision activations = ActivationPrecision::kFloat;
  LoadOptions load;
  LogSink log;
};

/// Calls may come from several threads; evaluations take turns.
class NativeModel final : public LanguageModel {
 public:
  static Result<std::unique_ptr<NativeModel>> open(const std::filesystem::path& path, const Options& options);
  /// From an already open file, which is needed only during the call.
  static Result<std::unique_ptr<NativeModel>> load(const ModelFile& file, const Options& options);

  [[nodiscard]] const ModelInfo& info() const override { return info_; }
  [[nodiscard]] const Capabilities& capabilities() const override { return capabilities_; }
  [[nodiscard]] const Vocabulary* vocabulary() const override { return vocabulary_.get(); }
  Result<SequenceId> create_sequence(const SequenceOptions& options) override;
  void destroy_sequence(SequenceId sequence) override;
  [[nodiscard]] Result<std::size_t> length(SequenceId sequence) const override;
  Result<SequenceId> fork(SequenceId sequence, std::size_t at) override;
  Result<std::size_t> rewind(SequenceId sequence, std::size_t to) override;
  Status export_state(SequenceId sequence,
                      const std::function<Status(std::span<const std::byte>)>& write) const override;
  Result<SequenceId> import_state(std::span<const std::byte> bytes, const SequenceOptions& options) override;
  Status evaluate(std::span<const Item> items, std::span<const Want> wants, OutputSink& sink,
                  const EvaluateOptions& options = {}) override;

  /// For tests: the pool, whose chunk order can be shuffled.
  [[nodiscard]] ThreadPool& pool() { return *pool_; }

 private:
  class Evaluation;

  NativeModel() = default;
  [[nodiscard]] Result<Sequence*> find(SequenceId id) const;
  SequenceId adopt(Sequence sequence);
  [[nodiscard]] const ops::StateLayout& layout(KvStorage kv) const { return layouts_[static_cast<std::size_t>(kv)]; }

  std::unique_ptr<Model> model_;
  std::unique_ptr<Vocabulary> vocabulary_;
  std::shared_ptr<ThreadPool> pool_;
  const kernels::KernelTable* kernels_ = nullptr;
  ModelInfo info_;
  Capabilities capabilities_;
  std::uint64_t fingerprint_ = 0;
  ops::StateLayout layouts_[3];  // by KvStorage
  ops::StoragePool storage_;
  LogSink log_;
  mutable std::mutex mutex_;  // sequences and evaluation
  mutable std::map<SequenceId, Sequence> sequences_;
  SequenceId next_id_ = 1;
};

}  // namespace hearth::native
