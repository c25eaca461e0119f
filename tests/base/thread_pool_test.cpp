// ThreadPool: every chunk runs exactly once, whatever the number of threads and the order.
#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <vector>

namespace hearth {
namespace {

TEST(ThreadPool, EveryChunkRunsOnce) {
  for (int n_threads : {1, 2, 3, 7}) {
    ThreadPool pool(n_threads);
    EXPECT_EQ(pool.n_threads(), n_threads);
    for (std::uint64_t seed : {0ull, 1ull, 99ull}) {
      pool.shuffle_chunks(seed);
      for (std::size_t n_chunks : {0u, 1u, 2u, 5u, 100u}) {
        std::vector<std::atomic<int>> runs(n_chunks);
        pool.parallel_for(n_chunks, [&](std::size_t chunk, int worker) {
          EXPECT_LT(worker, n_threads);
          runs[chunk].fetch_add(1);
        });
        for (const auto& n : runs) EXPECT_EQ(n.load(), 1);
      }
    }
  }
}

// Also with far more threads than cores, where most of them get no core before a round is over.
TEST(ThreadPool, ManyShortRounds) {
  for (int n_threads : {2, 3, 16}) {
    ThreadPool pool(n_threads);
    int total = 0;  // plain: what chunks wrote is visible when the round is over
    std::vector<int> runs(5);
    for (std::size_t i = 0; i < 5000; ++i) {
      const std::size_t n_chunks = i % 5 + 1;
      pool.parallel_for(n_chunks, [&](std::size_t chunk, int) { ++runs[chunk]; });
      total += static_cast<int>(n_chunks);
    }
    EXPECT_EQ(std::accumulate(runs.begin(), runs.end(), 0), total) << n_threads;
  }
}

// One thread stays in its first chunk until all others are done: somebody must have taken over the rest of its share.
TEST(ThreadPool, OthersTakeOverWhatAStuckThreadHasLeft) {
  for (const std::size_t stuck : {0u, 8u}) {  // the first chunks of the two shares
    ThreadPool pool(2);
    std::atomic<int> others{0};
    pool.parallel_for(16, [&](std::size_t chunk, int) {
      if (chunk != stuck) {
        others.fetch_add(1);
        others.notify_all();
        return;
      }
      for (int seen = others.load(); seen != 15; seen = others.load()) others.wait(seen);
    });
    EXPECT_EQ(others.load(), 15);
  }
}

TEST(ThreadPool, OneThreadTakesChunksInOrder) {
  ThreadPool pool(1);
  std::vector<std::size_t> order;
  pool.parallel_for(9, [&](std::size_t chunk, int) { order.push_back(chunk); });
  EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7, 8}));
}

}  // namespace
}  // namespace hearth
