// Worker threads as an object handed to a model: shared by models if the host likes, never global.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace hearth {

/// Runs numbered chunks on n_threads threads, the caller among them. Each thread takes a share of consecutive chunks in
/// order; who has none left takes over the last ones of others. Between calls threads spin for a bounded time, then
/// sleep. Which thread runs which chunk never changes a result.
/// One parallel_for at a time: calls from several threads wait for each other.
class ThreadPool {
 public:
  /// n_threads >= 1 counts the caller: 1 starts no thread.
  explicit ThreadPool(int n_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] int n_threads() const;

  /// body(chunk_idx, worker_idx) for every chunk_idx in [0, n_chunks), worker_idx in [0, n_threads). Returns when all
  /// are done. n_chunks < 2^32. The body must not throw and must not call parallel_for.
  void parallel_for(std::size_t n_chunks, const std::function<void(std::size_t chunk_idx, int worker_idx)>& body);

  /// For tests: hand chunks out in a pseudo-random order derived from `seed` (0 restores ascending order).
  void shuffle_chunks(std::uint64_t seed);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// How many threads to use when nobody says: the cores this process may run on.
int default_thread_count();

}  // namespace hearth
