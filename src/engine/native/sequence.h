// A sequence of the native engine: KV blocks of 256 positions shared between forks until one writes, and recurrent
// floats.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/result.h"
#include "ops/state.h"

namespace hearth::native {

class Sequence {
 public:
  Sequence(const ops::StateLayout& layout, std::size_t n_ctx)
      : layout_(&layout), n_ctx_(n_ctx), recurrent_(layout.n_recurrent()) {}

  [[nodiscard]] std::size_t length() const { return length_; }
  [[nodiscard]] std::size_t n_ctx() const { return n_ctx_; }
  [[nodiscard]] const ops::StateLayout& layout() const { return *layout_; }
  [[nodiscard]] bool has_recurrence() const { return !recurrent_.empty(); }

  /// The first `at` positions as a new sequence. With recurrent state only at == length() or 0 is possible.
  [[nodiscard]] Result<Sequence> fork(std::size_t at) const;
  /// Drops positions from `to` on; returns the position reached.
  std::size_t rewind(std::size_t to);

  /// Makes positions [length, length + n) writable: new blocks, and a private copy of a shared last block.
  Status prepare(std::size_t n);
  /// Makes the prepared positions and the recurrent state written meanwhile part of the sequence.
  void commit(std::size_t n);
  /// Forgets what was prepared.
  void abandon();

  /// Block pointers covering all prepared positions, and the recurrent state to work on. Valid until the next change.
  [[nodiscard]] std::span<std::byte* const> blocks() const { return pointers_; }
  [[nodiscard]] std::span<float> working_recurrent() { return working_; }
  [[nodiscard]] std::span<const float> recurrent() const { return recurrent_; }

  /// For restoring saved state: takes blocks and recurrent floats as they are.
  void adopt(std::vector<AlignedBuffer> blocks, std::vector<float> recurrent, std::size_t length);

 private:
  void trim();

  const ops::StateLayout* layout_;
  std::size_t n_ctx_;
  std::size_t length_ = 0;
  std::vector<std::shared_ptr<AlignedBuffer>> blocks_;
  std::vector<std::byte*> pointers_;
  std::vector<float> recurrent_, working_;
};

}  // namespace hearth::native
