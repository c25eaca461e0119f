// Which kernel table and how many threads serve this machine best: tried once, in a fraction of a second, and kept by
// the caller. Every choice gives the same bits (docs/numerics.md), so only speed is at stake.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "device/cores.h"

namespace hearth::measure {

struct TableTrial {
  std::string isa;
  double one_column_gop_s = 0;    // Q4_K, as in decoding, weights in the cache
  double many_columns_gop_s = 0;  // 64 columns, as in a prompt
};

struct ThreadTrial {
  int n_threads = 0;
  double read_gb_s = 0;  // what decoding lives on
};

struct Calibration {
  std::string isa;
  int n_threads = 1;
  std::vector<TableTrial> tables;    // all that this processor runs, but for the scalar one where there is another
  std::vector<ThreadTrial> threads;  // big cores, physical cores, all processors: each count once
};

/// The table that is best at both, and the fewest threads that read as fast as any.
void choose(Calibration& calibration);

/// Tries everything: some 50 ms for each table and count of threads.
Result<Calibration> calibrate(const CoreCounts& cores);

}  // namespace hearth::measure
