// The golden suite's files (see its README): one folder per model, numbers made with the reference engine.
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "data_path.h"
#include "engine/native/native_model.h"
#include "nlohmann/json.hpp"

namespace hearth::testing {

struct GoldenCase {
  std::filesystem::path folder;
  [[nodiscard]] std::string name() const { return folder.filename().string(); }
  [[nodiscard]] nlohmann::json json(const std::string& file) const {
    return nlohmann::json::parse(read_text(folder / file));
  }
  [[nodiscard]] std::vector<float> floats(const std::string& file) const { return read_values<float>(folder / file); }
  [[nodiscard]] bool has(const std::string& file) const { return std::filesystem::exists(folder / file); }
};

inline void PrintTo(const GoldenCase& golden, std::ostream* out) {
  *out << golden.name();
}

/// All folders in `root`, sorted; empty when the data is absent.
inline std::vector<GoldenCase> cases_in(const std::filesystem::path& root) {
  std::vector<GoldenCase> cases;
  if (!std::filesystem::exists(root)) return cases;
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    if (entry.is_directory()) cases.push_back({entry.path()});
  }
  std::ranges::sort(cases, {}, &GoldenCase::folder);
  return cases;
}

/// All folders under golden/<group>.
inline std::vector<GoldenCase> golden_cases(const std::string& group) {
  return cases_in(data_path("golden/" + group));
}

/// Every architecture and variant with a reference: the golden suite and what tests/oracle added to it.
inline std::vector<GoldenCase> arch_cases() {
  std::vector<GoldenCase> cases = golden_cases("arch");
  const auto more = cases_in(std::filesystem::path(HEARTH_SOURCE_DIR) / "tests" / "data" / "oracle");
  cases.insert(cases.end(), more.begin(), more.end());
  return cases;
}

/// Those that continue text; the others are encoders, which keep no sequence.
inline std::vector<GoldenCase> decoder_cases() {
  std::vector<GoldenCase> cases = arch_cases();
  std::erase_if(cases, [](const GoldenCase& golden) { return !golden.has("greedy.json"); });
  return cases;
}

/// A name GoogleTest accepts.
inline std::string test_name(std::string text) {
  for (char& c : text) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return text;
}

struct Difference {
  double max_abs = 0, relative_rms = 0, kl_mean = 0, kl_max = 0;
  int argmax_flips = 0;        // rows whose best token differs
  double widest_flip_gap = 0;  // the reference's top-1 minus top-2 in such a row
};

/// Compares rows of n logits; rows in `skip` are left out.
inline Difference compare_rows(const std::vector<float>& ours, const std::vector<float>& reference, std::size_t n,
                               const std::vector<std::size_t>& skip = {}) {
  Difference d;
  double square = 0, square_reference = 0;
  std::size_t n_rows = 0;
  for (std::size_t row = 0; row * n < reference.size(); ++row) {
    if (std::ranges::find(skip, row) != skip.end()) continue;
    const float *a = &ours[row * n], *b = &reference[row * n];
    const double max_a = *std::max_element(a, a + n), max_b = *std::max_element(b, b + n);
    double sum_a = 0, sum_b = 0, kl = 0, second = -INFINITY;
    for (std::size_t i = 0; i < n; ++i) {
      const double e = double{a[i]} - double{b[i]};
      d.max_abs = std::isnan(e) ? INFINITY : std::max(d.max_abs, std::abs(e));
      square += e * e;
      square_reference += double{b[i]} * double{b[i]};
      sum_a += std::exp(a[i] - max_a);
      sum_b += std::exp(b[i] - max_b);
      if (b[i] < max_b) second = std::max(second, double{b[i]});
    }
    for (std::size_t i = 0; i < n; ++i) {
      const double log_a = a[i] - max_a - std::log(sum_a), log_b = b[i] - max_b - std::log(sum_b);
      kl += std::exp(log_b) * (log_b - log_a);
    }
    d.kl_mean += kl;
    d.kl_max = std::max(d.kl_max, kl);
    if (std::max_element(a, a + n) - a != std::max_element(b, b + n) - b) {
      ++d.argmax_flips;
      d.widest_flip_gap = std::max(d.widest_flip_gap, max_b - second);
    }
    ++n_rows;
  }
  d.relative_rms = std::sqrt(square / std::max(square_reference, 1e-30));
  d.kl_mean /= static_cast<double>(std::max<std::size_t>(n_rows, 1));
  return d;
}

/// Evaluates `tokens` on a fresh sequence in calls of `chunk` tokens and returns all rows, one after the other.
inline Result<std::vector<float>> all_rows(LanguageModel& model, std::span<const Token> tokens,
                                           const SequenceOptions& options, Want::Kind kind = Want::Kind::kLogits,
                                           std::size_t chunk = SIZE_MAX, const EvaluateOptions& evaluate = {}) {
  HEARTH_TRY(const SequenceId id, model.create_sequence(options));
  const ScopedSequence sequence(model, id);
  std::vector<float> rows;
  for (std::size_t begin = 0; begin < tokens.size(); begin += std::min(chunk, tokens.size())) {
    const Item item{.sequence = id, .tokens = tokens.subspan(begin, std::min(chunk, tokens.size() - begin))};
    std::vector<Want> wants;
    for (std::size_t r = 0; r < item.tokens.size(); ++r) wants.push_back({.item_idx = 0, .row = r, .kind = kind});
    RowCollector collector;
    HEARTH_CHECK(model.evaluate({&item, 1}, wants, collector, evaluate));
    for (const auto& row : collector.rows) rows.insert(rows.end(), row.begin(), row.end());
  }
  return rows;
}

/// The next n greedy tokens (lowest id on ties) after `prompt`.
inline Result<std::vector<Token>> greedy(LanguageModel& model, std::vector<Token> prompt, std::size_t n,
                                         const SequenceOptions& options) {
  HEARTH_TRY(const SequenceId id, model.create_sequence(options));
  const ScopedSequence sequence(model, id);
  std::vector<Token> out;
  while (out.size() < n) {
    const Item item{.sequence = id, .tokens = prompt};
    const Want want{.item_idx = 0, .row = prompt.size() - 1};
    RowCollector collector;
    HEARTH_CHECK(model.evaluate({&item, 1}, {&want, 1}, collector));
    const auto& row = collector.rows[0];
    out.push_back(static_cast<Token>(std::max_element(row.begin(), row.end()) - row.begin()));
    prompt = {out.back()};
  }
  return out;
}

}  // namespace hearth::testing
