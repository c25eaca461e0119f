// The border where names and shapes of a file become checked, packed weights.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "file/model_file.h"
#include "weights/panel_store.h"
#include "weights/weights.h"

namespace hearth {

struct LoadOptions {
  /// Keep the weights in RAM (mlock); refused with a sentence when the system's limit forbids it.
  enum class Lock : std::uint8_t { kNo, kYes } lock = Lock::kNo;
  /// kPlan checks everything but reads no tensor: the model that comes out knows its shapes and cannot run.
  enum class Depth : std::uint8_t { kAll, kPlan } depth = Depth::kAll;
  /// Where packed weights are kept for the next start; nowhere when absent.
  std::optional<CacheOptions> cache = std::nullopt;
  /// Called with bytes loaded so far and in all; false gives the load up (kCancelled).
  std::function<bool(std::uint64_t done_bytes, std::uint64_t total_bytes)> progress;
};

/// Reads tensors by name with the shape the model expects. The first failure sticks: later calls return empty weights,
/// and status() tells it. So a model lists its tensors in plain lines and checks once.
class WeightLoader {
 public:
  WeightLoader(const ModelFile& file, ThreadPool& pool, LoadOptions options = {})
      : file_(file),
        pool_(pool),
        options_(std::move(options)),
        store_(file, pool, options_.depth == LoadOptions::Depth::kAll ? options_.cache : std::nullopt),
        raw_rows_(pool.n_threads()) {}

  /// `name`.weight as [n outputs, k inputs] and, where the file has it, `name`.bias [n].
  Linear linear(const std::string& name, std::size_t n, std::size_t k);
  /// As linear(), empty where the file has no such weight.
  Linear optional_linear(const std::string& name, std::size_t n, std::size_t k);
  /// A matrix by its full name.
  Matrix matrix(const std::string& full_name, std::size_t n, std::size_t k);
  /// `name`.weight as [n_experts][n, k] and, where the file has it, `name`.bias [n_experts][n].
  Experts experts(const std::string& name, std::size_t n_experts, std::size_t n, std::size_t k);
  /// One tensor [n_experts][2 * n, k] with each expert's gate rows above its up rows, as two: {gate, up}.
  std::pair<Experts, Experts> fused_experts(const std::string& name, std::size_t n_experts, std::size_t n,
                                            std::size_t k);
  /// A tensor of n elements in all, decoded to float; any shape.
  Vector vector(const std::string& full_name, std::size_t n);
  Vector optional_vector(const std::string& full_name, std::size_t n);
  /// A small tensor of n rows of k elements, decoded to float: [n][k].
  Vector table(const std::string& full_name, std::size_t n, std::size_t k);

  [[nodiscard]] bool has(const std::string& full_name) const { return file_.find_tensor(full_name) != nullptr; }
  [[nodiscard]] Status status() const;
  /// Reports a failure found by the caller, unless there was one before.
  void fail_with(Error error);
  /// After a successful load: keeps what was packed. Returns a phrase for the log on where the weights are.
  std::string finish();
  [[nodiscard]] std::uint64_t loaded_bytes() const { return loaded_bytes_; }
  /// What they take in memory.
  [[nodiscard]] std::uint64_t resident_bytes() const { return resident_bytes_; }

 private:
  const TensorInfo* require(const std::string& full_name);
  bool check_shape(const TensorInfo& tensor, std::initializer_list<std::size_t> dims);
  /// Which rows of each of a tensor's matrices are wanted.
  struct Rows {
    std::size_t n_matrices = 1;
    std::size_t n_each = 0;  // rows of one matrix in the tensor
    std::size_t begin = 0;   // the first one wanted
  };
  struct Steps;
  /// Reads the rows of some panels and packs them to `to`.
  Status pack_panels(const Steps& steps, std::size_t begin, std::size_t end, std::span<std::byte> staging,
                     std::byte* to) const;
  /// The same for all panels, all threads at once.
  Status read_panels(const Steps& steps, PanelSink& sink);
  Result<std::shared_ptr<const std::byte>> panels_of(const Steps& steps, std::uint64_t n_bytes);
  bool pack(const TensorInfo& tensor, const Rows& rows, Matrix& matrix);
  Vector decode(const TensorInfo& tensor);

  const ModelFile& file_;
  ThreadPool& pool_;
  LoadOptions options_;
  PanelStore store_;
  Staging raw_rows_;  // as they are read
  std::uint64_t loaded_bytes_ = 0;
  std::uint64_t resident_bytes_ = 0;
  std::optional<Error> error_;
};

}  // namespace hearth
