// What calibration picks from given trials, and that trials of this machine come out usable.
#include "measure/calibration.h"

#include <gtest/gtest.h>

#include "base/cpu_features.h"
#include "kernels/table.h"

namespace hearth::measure {
namespace {

TEST(Calibration, PicksTheFewestThreadsThatReadAsFast) {
  Calibration c;
  c.tables = {{"avx2", 100, 200}};
  c.threads = {{2, 40}, {4, 40.5}, {8, 39}};
  choose(c);
  EXPECT_EQ(c.n_threads, 2);
  c.threads = {{2, 20}, {4, 40}, {8, 41}};
  choose(c);
  EXPECT_EQ(c.n_threads, 4);
  c.threads = {{1, 10}, {2, 20}};
  choose(c);
  EXPECT_EQ(c.n_threads, 2);
}

TEST(Calibration, PicksTheTableThatIsBestAtBoth) {
  Calibration c;
  c.threads = {{1, 10}};
  c.tables = {{"avx2", 100, 200}, {"avx512", 90, 400}};
  choose(c);
  EXPECT_EQ(c.isa, "avx512");
  c.tables = {{"avx2", 100, 200}, {"avx512", 90, 190}};
  choose(c);
  EXPECT_EQ(c.isa, "avx2");
  c.tables = {{"avx2", 100, 200}, {"avx512", 100, 199}};  // as good: the more capable
  choose(c);
  EXPECT_EQ(c.isa, "avx512");
}

TEST(Calibration, TriesThisMachine) {
  const CoreCounts cores = count_cores(usable_cores());
  const auto c = calibrate(cores);
  ASSERT_TRUE(c) << c.error().message;
  const kernels::KernelTable* table = kernels::find_table(c->isa);
  ASSERT_NE(table, nullptr);
  EXPECT_TRUE(table->supported(detect_cpu_features()));
  EXPECT_GE(c->n_threads, 1);
  EXPECT_LE(c->n_threads, cores.logical);
  for (const TableTrial& trial : c->tables) {
    EXPECT_GT(trial.one_column_gop_s, 0) << trial.isa;
    EXPECT_GT(trial.many_columns_gop_s, 0) << trial.isa;
  }
  for (const ThreadTrial& trial : c->threads) EXPECT_GT(trial.read_gb_s, 0) << trial.n_threads;
}

}  // namespace
}  // namespace hearth::measure
