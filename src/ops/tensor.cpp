// StoragePool: a free list, best fit first.
#include "ops/tensor.h"

#include <new>

namespace hearth::ops {

std::shared_ptr<Storage> StoragePool::take(std::size_t n_floats) {
  const std::size_t bytes = n_floats * sizeof(float);
  auto best = free_->end();
  for (auto it = free_->begin(); it != free_->end(); ++it) {
    if ((*it)->values.size() >= bytes && (best == free_->end() || (*it)->values.size() < (*best)->values.size()))
      best = it;
  }
  std::unique_ptr<Storage> storage;
  if (best != free_->end() && (*best)->values.size() <= 4 * bytes + 4096) {
    storage = std::move(*best);
    free_->erase(best);
  } else {
    storage = std::make_unique<Storage>();
    auto values = AlignedBuffer::make(bytes);
    if (!values) throw std::bad_alloc();
    storage->values = std::move(*values);
  }
  storage->i8x32.valid = storage->i8x256.valid = false;
  return {storage.release(), [free = free_](Storage* done) { free->emplace_back(done); }};
}

}  // namespace hearth::ops
