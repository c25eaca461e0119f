// Operations with a memory, against loops in double precision; and their bits under every way of cutting the work:
// pieces, threads, company of another sequence, kernel tables.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <random>

#include "ops/native_context.h"

namespace hearth::ops {
namespace {

using Rows = std::vector<std::vector<float>>;
using Doubles = std::vector<std::vector<double>>;

Rows random_rows(std::size_t n_rows, std::size_t n_cols, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Rows rows(n_rows, std::vector<float>(n_cols));
  for (auto& row : rows) {
    for (float& v : row) v = normal(random);
  }
  return rows;
}

std::vector<float> random_values(std::size_t n, std::uint32_t seed) {
  return random_rows(1, n, seed)[0];
}

/// How a test cuts the work.
struct Cut {
  std::size_t piece = SIZE_MAX;
  int n_threads = 1;
  std::size_t n_before = 0;  // rows of another sequence in front, in the same micro-batch
  const kernels::KernelTable* table = kernels::all_tables()[0];
};

using Operation = std::function<Tensor(Context& ctx, const Tensor& x)>;

/// The operation over all rows, as the engine would call it; the state starts at zero.
Rows run(const Rows& input, std::size_t n_recurrent, const Cut& cut, const Operation& operation) {
  const LayerState layers[] = {{.n_recurrent = 3}, {.n_recurrent = n_recurrent}};  // the operation works on layer 1
  const StateLayout layout(layers, kernels::KvType::kF32);
  std::vector<float> state(layout.n_recurrent()), other(layout.n_recurrent());
  ThreadPool pool(cut.n_threads);
  pool.shuffle_chunks(static_cast<std::uint64_t>(cut.n_threads) - 1);
  StoragePool storage;
  const NativeContextOptions options{.kernels = cut.table, .pool = &pool, .storage = &storage, .state = &layout};
  const std::size_t n_cols = input[0].size();
  Rows out;
  for (std::size_t begin = 0; begin < input.size();) {
    const std::size_t n = std::min(cut.piece, input.size() - begin);
    std::vector<float> embeddings(cut.n_before * n_cols, 0.5f);
    for (std::size_t r = begin; r < begin + n; ++r)
      embeddings.insert(embeddings.end(), input[r].begin(), input[r].end());
    std::vector<RowSpan> spans;
    if (cut.n_before) spans.push_back({.n_rows = cut.n_before, .recurrent = other});
    spans.push_back({.row_begin = cut.n_before, .n_rows = n, .position_begin = begin, .recurrent = state});
    NativeContext ctx(options, {.embeddings = embeddings, .spans = spans, .n_rows = cut.n_before + n, .n_ctx = 512});
    const Tensor y = operation(ctx, ctx.embed({DType::kF32, 1, n_cols, nullptr}));
    for (std::size_t r = cut.n_before; r < cut.n_before + n; ++r) {
      const auto values = ctx.values(y, r);
      out.emplace_back(values.begin(), values.end());
    }
    begin += n;
  }
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(state[i], 0.0f) << "another layer's state was touched";
  return out;
}

void expect_equal_bits(const Rows& a, const Rows& b, const std::string& how) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t r = 0; r < a.size(); ++r)
    ASSERT_EQ(std::memcmp(a[r].data(), b[r].data(), a[r].size() * sizeof(float)), 0) << how << ", row " << r;
}

/// Against the slow definition, then against itself under every cut.
void check(const Rows& input, std::size_t n_recurrent, const Operation& operation, const Doubles& expected) {
  const Rows whole = run(input, n_recurrent, {}, operation);
  ASSERT_EQ(whole.size(), expected.size());
  for (std::size_t r = 0; r < whole.size(); ++r) {
    ASSERT_EQ(whole[r].size(), expected[r].size());
    for (std::size_t c = 0; c < whole[r].size(); ++c)
      ASSERT_NEAR(whole[r][c], expected[r][c], 2e-5 * (1 + std::abs(expected[r][c])))
          << "row " << r << ", column " << c;
  }
  for (const std::size_t piece : {1u, 2u, 7u, 16u})
    expect_equal_bits(whole, run(input, n_recurrent, {.piece = piece}, operation),
                      "pieces of " + std::to_string(piece));
  for (const int n_threads : {2, 3}) {
    expect_equal_bits(whole, run(input, n_recurrent, {.n_threads = n_threads, .n_before = 5}, operation),
                      std::to_string(n_threads) + " threads, beside another sequence");
  }
  const CpuFeatures cpu = detect_cpu_features();
  for (const auto* table : kernels::all_tables()) {
    if (table->supported(cpu))
      expect_equal_bits(whole, run(input, n_recurrent, {.piece = 5, .table = table}, operation),
                        std::string(table->name));
  }
}

TEST(ShortConvolution, SumsTheLastInputsOfEachChannel) {
  for (const std::size_t channels : {1u, 37u, 300u}) {
    for (const std::size_t width : {2u, 4u}) {
      const Rows x = random_rows(41, channels, 1);
      const std::vector<float> kernel = random_values(width * channels, 2), bias = random_values(channels, 3);
      Doubles expected(x.size(), std::vector<double>(channels));
      for (std::size_t t = 0; t < x.size(); ++t) {
        for (std::size_t c = 0; c < channels; ++c) {
          expected[t][c] = bias[c];
          for (std::size_t age = 0; age < std::min(width, t + 1); ++age)
            expected[t][c] += double{kernel[(width - 1 - age) * channels + c]} * double{x[t - age][c]};
        }
      }
      constexpr std::size_t kOffset = 2;
      check(
          x, kOffset + (width - 1) * channels,
          [&](Context& ctx, const Tensor& in) { return ctx.short_convolution(1, in, {kernel, bias, width, kOffset}); },
          expected);
    }
  }
}

TEST(SelectiveScan, FollowsTheRecurrence) {
  constexpr std::size_t kChannels = 70, kState = 19;
  // Columns: x, dt (made positive below), b, c.
  Rows rows = random_rows(40, 2 * kChannels + 2 * kState, 4);
  for (auto& row : rows) {
    for (std::size_t c = kChannels; c < 2 * kChannels; ++c) row[c] = std::abs(row[c]);
  }
  std::vector<float> a = random_values(kChannels * kState, 5);
  for (float& v : a) v = -std::abs(v);
  Doubles expected(rows.size(), std::vector<double>(kChannels)), h(kChannels, std::vector<double>(kState));
  for (std::size_t t = 0; t < rows.size(); ++t) {
    const float *x = rows[t].data(), *dt = x + kChannels, *b = dt + kChannels, *c = b + kState;
    for (std::size_t i = 0; i < kChannels; ++i) {
      for (std::size_t s = 0; s < kState; ++s) {
        h[i][s] = std::exp(double{dt[i]} * double{a[i * kState + s]}) * h[i][s] + double{dt[i]} * x[i] * b[s];
        expected[t][i] += h[i][s] * c[s];
      }
    }
  }
  check(
      rows, kChannels * kState,
      [&](Context& ctx, const Tensor& in) {
        return ctx.selective_scan(1, ctx.columns(in, 0, kChannels), ctx.columns(in, kChannels, kChannels),
                                  ctx.columns(in, 2 * kChannels, kState),
                                  ctx.columns(in, 2 * kChannels + kState, kState), {.a = a, .n_state = kState});
      },
      expected);
}

TEST(DeltaRule, FollowsTheRecurrence) {
  constexpr std::size_t kKeyHeads = 2, kValueHeads = 6, kKeyDim = 20, kValueDim = 9;
  constexpr std::size_t kKeys = kKeyHeads * kKeyDim, kValues = kValueHeads * kValueDim;
  for (const auto sharing : {DeltaRule::Sharing::kTiled, DeltaRule::Sharing::kGrouped}) {
    // Columns: q, k, v, decay, beta; keys short and decays below one, so that the memory stays bounded.
    Rows rows = random_rows(40, 2 * kKeys + kValues + 2 * kValueHeads, 6);
    for (auto& row : rows) {
      for (std::size_t c = kKeys; c < 2 * kKeys; ++c) row[c] *= 0.2f;
      for (std::size_t c = 2 * kKeys + kValues; c < row.size(); ++c) row[c] = 1.0f / (1.0f + std::exp(-row[c]));
    }
    Doubles expected(rows.size(), std::vector<double>(kValues));
    std::vector<double> state(kValues * kKeyDim);
    for (std::size_t t = 0; t < rows.size(); ++t) {
      const float *v = rows[t].data() + 2 * kKeys, *decay = v + kValues, *beta = decay + kValueHeads;
      for (std::size_t head = 0; head < kValueHeads; ++head) {
        const std::size_t key_head = sharing == DeltaRule::Sharing::kTiled ? head % kKeyHeads : head / 3;
        const float *q = rows[t].data() + key_head * kKeyDim, *k = q + kKeys;
        for (std::size_t d = 0; d < kValueDim; ++d) {
          double* s = state.data() + (head * kValueDim + d) * kKeyDim;
          double recalled = 0;
          for (std::size_t e = 0; e < kKeyDim; ++e) recalled += (s[e] *= decay[head]) * k[e];
          const double u = (v[head * kValueDim + d] - recalled) * beta[head];
          for (std::size_t e = 0; e < kKeyDim; ++e) {
            s[e] += u * k[e];
            expected[t][head * kValueDim + d] += 0.25 * s[e] * q[e];
          }
        }
      }
    }
    check(
        rows, kValues * kKeyDim,
        [&](Context& ctx, const Tensor& in) {
          return ctx.delta_rule(1, ctx.columns(in, 0, kKeys), ctx.columns(in, kKeys, kKeys),
                                ctx.columns(in, 2 * kKeys, kValues), ctx.columns(in, 2 * kKeys + kValues, kValueHeads),
                                ctx.columns(in, 2 * kKeys + kValues + kValueHeads, kValueHeads),
                                {.n_k_heads = kKeyHeads,
                                 .n_v_heads = kValueHeads,
                                 .k_dim = kKeyDim,
                                 .v_dim = kValueDim,
                                 .sharing = sharing,
                                 .scale = 0.25f});
        },
        expected);
  }
}

// Its definition is one plain product per part.
TEST(LinearParts, EqualsOneProductPerPart) {
  constexpr std::size_t kParts = 3, kOutputs = 21;
  for (const DType type : {DType::kF32, DType::kQ8_0, DType::kQ4_K}) {
    const std::size_t k = type == DType::kQ4_K ? 256 : 64;
    std::mt19937 random(7);
    const std::size_t row = row_bytes(type, k), n_panels = (kOutputs + 15) / 16;
    std::vector<std::byte> panels(kParts * n_panels * kernels::panel_bytes(type, k));
    for (std::size_t p = 0; p < kParts * n_panels; ++p) {
      std::vector<std::byte> rows(16 * row);
      // Bytes whose scales are finite in every one of the types: bit patterns below 0x3c00 as F16, below 1 as F32.
      for (std::byte& b : rows) b = static_cast<std::byte>(random() % 0x3c);
      kernels::pack_panel(type, k, rows.data(), row, p % n_panels == n_panels - 1 ? kOutputs % 16 : 16,
                          panels.data() + p * kernels::panel_bytes(type, k));
    }
    const ExpertsView matrices{{type, kOutputs, k, panels.data()}, kParts, {}};
    const Operation together = [&](Context& ctx, const Tensor& x) { return ctx.linear_parts(x, matrices); };
    const Operation apart = [&](Context& ctx, const Tensor& x) {
      Tensor all;
      for (std::size_t p = 0; p < kParts; ++p) {
        const Tensor y = ctx.linear(ctx.part_columns(ctx.columns(x, p * k, k), k, 0, k), {matrices.expert(p), {}});
        all = p == 0 ? y : ctx.join_parts(all, all.cols(), y, y.cols());
      }
      return all;
    };
    const Rows x = random_rows(9, kParts * k, 8);
    const Rows expected = run(x, 0, {}, apart);
    expect_equal_bits(expected, run(x, 0, {}, together), "at once");
    expect_equal_bits(expected, run(x, 0, {.piece = 2, .n_threads = 3}, together), "in pieces");
  }
}

}  // namespace
}  // namespace hearth::ops
