// ThreadPool: a generation counter wakes the workers, each takes the chunks of its own share one after the other (so
// that what it asks memory for ahead of time is its own) and then those that others have left. The caller waits only
// for chunks that somebody took: a worker that the system gave no core in time costs nothing. Waiting is a bounded
// spin, then sleep; spinning without bound collapses when the machine is oversubscribed.
#include "base/thread_pool.h"

#include <atomic>
#include <mutex>
#include <numeric>
#include <thread>
#include <vector>

#include "base/fp_environment.h"

#if defined(__linux__)
#include <sched.h>
#endif

namespace hearth {

namespace {

constexpr int kSpins = 4000;  // about 50-100 microseconds of pause instructions on current x86 and arm cores

inline void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

/// Returns the first value of `word` that differs from `old`.
std::uint32_t wait_for_change(const std::atomic<std::uint32_t>& word, std::uint32_t old) {
  for (int i = 0; i < kSpins; ++i) {
    if (const std::uint32_t now = word.load(std::memory_order_acquire); now != old) return now;
    pause_cpu();
  }
  word.wait(old, std::memory_order_acquire);
  return word.load(std::memory_order_acquire);
}

}  // namespace

struct ThreadPool::State {
  std::mutex caller_mutex;  // one round at a time
  std::vector<std::thread> threads;
  const std::function<void(std::size_t, int)>* body = nullptr;
  std::uint32_t n_chunks = 0;
  std::vector<std::size_t> order;  // permutation for tests; empty = ascending
  std::uint64_t shuffle_seed = 0;
  std::atomic<bool> stopping{false};
  alignas(64) std::atomic<std::uint32_t> round{0};
  /// Consecutive chunks that nobody has taken, `begin << 32 | end`: their worker takes the first, others the last.
  struct alignas(64) Share {
    std::atomic<std::uint64_t> left{0};
  };
  std::vector<Share> shares;
  alignas(64) std::atomic<std::uint32_t> n_done{0};

  explicit State(int n_threads) : shares(static_cast<std::size_t>(n_threads)) {}

  /// Opens a round. A worker that is about may begin with the first share before the last one is there.
  void hand_out() {
    const auto begin_of = [&](std::size_t share) { return (n_chunks * share + shares.size() - 1) / shares.size(); };
    for (std::size_t i = 0; i < shares.size(); ++i) {
      shares[i].left.store(std::uint64_t{begin_of(i)} << 32 | begin_of(i + 1), std::memory_order_release);
    }
  }

  /// Takes chunks of the round at hand until none is left. Whoever took one holds the round open, so `body`, `order`
  /// and `n_chunks` may be read then, and only then.
  void run_chunks(int worker_idx) {
    std::uint32_t taken = 0;
    for (std::size_t n = 0; n < shares.size(); ++n) {
      taken += run_share((static_cast<std::size_t>(worker_idx) + n) % shares.size(), worker_idx);
    }
    if (taken == 0) return;
    const std::uint32_t all = n_chunks;  // before this worker's chunks are done, and with them perhaps the round
    if (n_done.fetch_add(taken, std::memory_order_acq_rel) + taken == all) n_done.notify_one();
  }

  /// Returns how many it ran.
  std::uint32_t run_share(std::size_t share, int worker_idx) {
    const bool own = share == static_cast<std::size_t>(worker_idx);
    std::atomic<std::uint64_t>& left = shares[share].left;
    std::uint32_t taken = 0;
    std::uint64_t now = left.load(std::memory_order_acquire);
    for (;;) {
      const std::uint64_t begin = now >> 32, end = now & 0xffffffff;
      if (begin >= end) return taken;
      const std::uint64_t rest = own ? now + (std::uint64_t{1} << 32) : now - 1;
      if (!left.compare_exchange_weak(now, rest, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
      const std::size_t i = own ? begin : end - 1;
      (*body)(order.empty() ? i : order[i], worker_idx);
      ++taken;
      now = left.load(std::memory_order_acquire);
    }
  }

  void work(int worker_idx) {
    const ScopedFpEnvironment fp;
    std::uint32_t seen = 0;
    for (;;) {
      seen = wait_for_change(round, seen);
      if (stopping) return;
      run_chunks(worker_idx);
    }
  }

  void make_order() {
    order.clear();
    if (shuffle_seed == 0) return;
    order.resize(n_chunks);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::uint64_t x = shuffle_seed++;
    for (std::size_t i = n_chunks; i > 1; --i) {
      x = x * 6364136223846793005ull + 1442695040888963407ull;
      std::swap(order[i - 1], order[(x >> 33) % i]);
    }
  }
};

ThreadPool::ThreadPool(int n_threads) : state_(std::make_unique<State>(n_threads)) {
  for (int worker = 1; worker < n_threads; ++worker) {
    state_->threads.emplace_back([state = state_.get(), worker] { state->work(worker); });
  }
}

ThreadPool::~ThreadPool() {
  state_->stopping = true;
  state_->round.fetch_add(1, std::memory_order_release);
  state_->round.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
}

int ThreadPool::n_threads() const {
  return static_cast<int>(state_->threads.size()) + 1;
}

void ThreadPool::parallel_for(std::size_t n_chunks, const std::function<void(std::size_t, int)>& body) {
  if (n_chunks == 0) return;
  const std::lock_guard lock(state_->caller_mutex);
  const ScopedFpEnvironment fp;
  state_->body = &body;
  state_->n_chunks = static_cast<std::uint32_t>(n_chunks);
  state_->make_order();
  state_->n_done.store(0, std::memory_order_relaxed);
  const std::uint32_t round = state_->round.load(std::memory_order_relaxed) + 1;
  state_->hand_out();
  if (!state_->threads.empty() && n_chunks > 1) {
    state_->round.store(round, std::memory_order_release);
    state_->round.notify_all();
  }
  state_->run_chunks(0);
  for (std::uint32_t done = state_->n_done.load(std::memory_order_acquire); done != n_chunks;) {
    done = wait_for_change(state_->n_done, done);
  }
}

void ThreadPool::shuffle_chunks(std::uint64_t seed) {
  state_->shuffle_seed = seed;
}

int default_thread_count() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  const unsigned n = std::thread::hardware_concurrency();
  return n == 0 ? 1 : static_cast<int>(n);
}

}  // namespace hearth
