// How fast this machine multiplies weights of each element type with one column, all threads, as decoding does: what a
// prediction of tokens per second needs to know, found in about a second without a model.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/thread_pool.h"
#include "kernels/table.h"
#include "tensor/dtype.h"

namespace hearth::measure {

struct DecodeRates {
  double read_gb_s = 0;               // plain reading
  std::map<DType, double> type_gb_s;  // bytes of packed weights multiplied
  int n_threads = 0;
};

/// Types that are no matrices are left out. `seconds` for all together.
Result<DecodeRates> measure_decode_rates(const kernels::KernelTable& kernels, ThreadPool& pool,
                                         std::span<const DType> types, double seconds = 1);

}  // namespace hearth::measure
