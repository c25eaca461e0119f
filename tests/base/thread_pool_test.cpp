// ThreadPool: every chunk runs exactly once, whatever the number of threads and the order.
#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
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

TEST(ThreadPool, ManyShortRounds) {
  ThreadPool pool(3);
  std::atomic<int> total = 0;
  for (int i = 0; i < 2000; ++i) pool.parallel_for(3, [&](std::size_t, int) { total.fetch_add(1); });
  EXPECT_EQ(total.load(), 6000);
}

}  // namespace
}  // namespace hearth
