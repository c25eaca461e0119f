// NativeModel::evaluate: validates the request, cuts it into micro-batches, runs the forward pass and streams results.
// Sequences change only when everything succeeded.
#include <algorithm>
#include <cmath>
#include <new>
#include <set>

#include "base/fp_environment.h"
#include "engine/native/native_model.h"
#include "kernels/rope_math.h"

#include <fmt/format.h>

namespace hearth::native {

namespace {

constexpr std::size_t kLogitRows = 32;  // wide rows held at once

std::size_t item_rows(const Item& item, std::size_t dim) {
  return item.tokens.empty() ? item.embeddings.size() / dim : item.tokens.size();
}

}  // namespace

/// One call of evaluate.
class NativeModel::Evaluation {
 public:
  Evaluation(NativeModel& model, std::span<const Item> items, std::span<const Want> wants, OutputSink& sink,
             const EvaluateOptions& options)
      : model_(model), items_(items), wants_(wants), sink_(sink), options_(options), dim_(model.info_.dim) {}

  Status run() {
    HEARTH_CHECK(check_items());
    HEARTH_CHECK(check_wants());
    HEARTH_CHECK(check_observed());
    Status status;
    try {
      status = run_batches();
    } catch (const std::bad_alloc&) {
      status = fail(ErrorCode::kInsufficientMemory,
                    "evaluating: no memory for activations; use a smaller micro-batch or a shorter context");
    }
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (status) {
        sequences_[i]->commit(n_rows_[i]);
      } else {
        sequences_[i]->abandon();
      }
    }
    return status;
  }

 private:
  /// A part of an item inside a micro-batch.
  struct Piece {
    std::size_t item_idx, row_begin, n_rows;
  };

  Status check_items() {
    std::set<SequenceId> seen;
    for (const Item& item : items_) {
      HEARTH_TRY(Sequence * sequence, model_.find(item.sequence));
      if (!seen.insert(item.sequence).second) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("sequence {} occurs in two items of one call; join them", item.sequence));
      }
      if (item.tokens.empty() == item.embeddings.empty() || item.embeddings.size() % dim_ != 0) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("an item needs either tokens or embeddings of {} values each", dim_));
      }
      for (const Token token : item.tokens) {
        if (token < 0 || static_cast<std::size_t>(token) >= model_.info_.vocab_size) {
          return fail(ErrorCode::kInvalidArgument,
                      fmt::format("token {} is outside the vocabulary of {}", token, model_.info_.vocab_size));
        }
      }
      if (!item.positions.empty()) return fail(ErrorCode::kInvalidArgument, "this model takes no explicit positions");
      const std::size_t n = item_rows(item, dim_);
      if (n > sequence->n_ctx() - sequence->length()) {
        return fail(
            ErrorCode::kContextFull,
            fmt::format(
                "{} new tokens do not fit: {} of {} positions are used; shorten the input or make a longer context", n,
                sequence->length(), sequence->n_ctx()));
      }
      sequences_.push_back(sequence);
      n_rows_.push_back(n);
    }
    return {};
  }

  Status check_wants() {
    wants_of_.resize(items_.size());
    pooled_wants_.resize(items_.size());
    for (std::size_t w = 0; w < wants_.size(); ++w) {
      const Want& want = wants_[w];
      if (want.item_idx >= items_.size() || want.row >= n_rows_[want.item_idx]) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("want {} names item {}, row {}, which does not exist", w, want.item_idx, want.row));
      }
      const bool logits = want.kind == Want::Kind::kLogits || want.kind == Want::Kind::kTopK;
      if (logits && model_.model_->is_encoder()) {
        return fail(ErrorCode::kInvalidArgument, "this is an embedding model: it gives hidden states, not logits");
      }
      const std::size_t vocab = model_.info_.vocab_size;
      if (want.kind == Want::Kind::kTopK && (want.k == 0 || (!want.mask.empty() && want.mask.size() * 32 < vocab) ||
                                             (!want.bias.empty() && want.bias.size() != vocab))) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format(
                "want {}: k must be at least 1, a mask covers the vocabulary of {}, a bias has one value per token", w,
                vocab));
      }
      (want.kind == Want::Kind::kPooled ? pooled_wants_ : wants_of_)[want.item_idx].push_back(w);
    }
    for (auto& list : wants_of_) {
      std::ranges::stable_sort(list, {}, [&](std::size_t w) { return wants_[w].row; });
    }
    return {};
  }

  Status check_observed() const {
    const ops::StateLayout& layout = model_.layout(KvStorage::kF16);
    for (const std::size_t layer : options_.observe_attention.layers) {
      if (layer < layout.n_layers() && layout.layer(layer).n_kv_heads > 0) continue;
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("the attention of layer {} was asked for, but {}", layer,
                              layer < layout.n_layers() ? "that layer has none"
                                                        : fmt::format("there are {} layers", layout.n_layers())));
    }
    return {};
  }

  [[nodiscard]] bool bidirectional(std::size_t item) const {
    return items_[item].span == Item::Span::kBidirectional || model_.model_->is_encoder();
  }

  Status run_batches() {
    for (std::size_t i = 0; i < items_.size(); ++i) HEARTH_CHECK(sequences_[i]->prepare(n_rows_[i]));
    const std::size_t limit = std::max<std::size_t>(1, options_.ubatch);
    std::vector<Piece> pieces;
    std::size_t rows = 0, done = 0;
    const auto flush = [&]() -> Status {
      if (pieces.empty()) return {};
      HEARTH_CHECK(run_micro_batch(pieces, rows, done));
      done += rows;
      rows = 0;
      pieces.clear();
      return {};
    };
    for (std::size_t i = 0; i < items_.size(); ++i) {
      const bool joins = pieces.empty() || (&sequences_[pieces[0].item_idx]->layout() == &sequences_[i]->layout() &&
                                            sequences_[pieces[0].item_idx]->n_ctx() == sequences_[i]->n_ctx() &&
                                            items_[pieces[0].item_idx].tokens.empty() == items_[i].tokens.empty());
      if (!joins) HEARTH_CHECK(flush());
      for (std::size_t row = 0; row < n_rows_[i];) {
        if (rows >= limit || (bidirectional(i) && rows > 0 && rows + n_rows_[i] > limit)) HEARTH_CHECK(flush());
        const std::size_t n = bidirectional(i) ? n_rows_[i] : std::min(n_rows_[i] - row, limit - rows);
        pieces.push_back({i, row, n});
        rows += n;
        row += n;
      }
    }
    HEARTH_CHECK(flush());
    finish_pooling();
    return {};
  }

  Status run_micro_batch(const std::vector<Piece>& pieces, std::size_t n_rows, std::size_t row_offset) {
    std::vector<Token> tokens;
    std::vector<float> embeddings;
    std::vector<ops::RowSpan> spans;
    std::vector<std::size_t> wanted;
    std::size_t at = 0;
    for (const Piece& piece : pieces) {
      const Item& item = items_[piece.item_idx];
      Sequence& sequence = *sequences_[piece.item_idx];
      const auto append = [](auto& to, auto from) { to.insert(to.end(), from.begin(), from.end()); };
      if (!item.tokens.empty()) append(tokens, item.tokens.subspan(piece.row_begin, piece.n_rows));
      if (!item.embeddings.empty())
        append(embeddings, item.embeddings.subspan(piece.row_begin * dim_, piece.n_rows * dim_));
      const std::size_t position = sequence.length() + piece.row_begin;
      spans.push_back(
          {.row_begin = at,
           .n_rows = piece.n_rows,
           .position_begin = position,
           .visible_end = position + piece.n_rows,
           .mask = bidirectional(piece.item_idx) ? ops::RowSpan::Mask::kBidirectional : ops::RowSpan::Mask::kCausal,
           .blocks = sequence.blocks(),
           .recurrent = sequence.working_recurrent()});
      for (std::size_t r = 0; r < piece.n_rows; ++r) {
        if (is_wanted(piece.item_idx, piece.row_begin + r)) wanted.push_back(at + r);
      }
      at += piece.n_rows;
    }
    const Sequence& first = *sequences_[pieces[0].item_idx];
    const ops::NativeContextOptions context_options{.kernels = model_.kernels_,
                                                    .pool = model_.pool_.get(),
                                                    .storage = &model_.storage_,
                                                    .state = &first.layout(),
                                                    .recipe = model_.info_.recipe_id,
                                                    .cancelled = options_.cancelled,
                                                    .observe_layer = options_.observe_layer,
                                                    .observed_attention = options_.observe_attention.layers,
                                                    .observe_attention = options_.observe_attention.see};
    ops::NativeContext ctx(context_options, {.tokens = tokens,
                                             .embeddings = embeddings,
                                             .spans = spans,
                                             .wanted_rows = wanted,
                                             .n_rows = n_rows,
                                             .n_ctx = first.n_ctx(),
                                             .row_offset = row_offset});
    HEARTH_TRY(const ops::Tensor hidden, model_.model_->forward(ctx));
    deliver(ctx, hidden, pieces);
    return {};
  }

  [[nodiscard]] bool is_wanted(std::size_t item, std::size_t row) const {
    return !pooled_wants_[item].empty() || !wants_of_row(item, row).empty();
  }

  /// Logits and hidden wants of one row of an item.
  [[nodiscard]] std::span<const std::size_t> wants_of_row(std::size_t item, std::size_t row) const {
    const auto range = std::ranges::equal_range(wants_of_[item], row, {}, [&](std::size_t w) { return wants_[w].row; });
    return {range.begin(), range.end()};
  }

  /// hidden: one row per wanted row of the micro-batch, in order.
  void deliver(ops::NativeContext& ctx, const ops::Tensor& hidden, const std::vector<Piece>& pieces) {
    std::vector<std::pair<std::size_t, std::size_t>> logit_rows;  // (hidden row, want)
    std::size_t h = 0;
    for (const Piece& piece : pieces) {
      for (std::size_t row = piece.row_begin; row < piece.row_begin + piece.n_rows; ++row) {
        if (!is_wanted(piece.item_idx, row)) continue;
        if (!pooled_wants_[piece.item_idx].empty()) pool(piece.item_idx, row, ctx.values(hidden, h));
        for (const std::size_t w : wants_of_row(piece.item_idx, row)) {
          if (wants_[w].kind == Want::Kind::kHidden) {
            sink_.row(w, ctx.values(hidden, h));
          } else {
            logit_rows.emplace_back(h, w);
          }
        }
        ++h;
      }
    }
    for (std::size_t begin = 0; begin < logit_rows.size(); begin += kLogitRows) {
      const std::size_t end = std::min(logit_rows.size(), begin + kLogitRows);
      const std::size_t first = logit_rows[begin].first;
      const ops::Tensor logits =
          model_.model_->logits(ctx, ctx.rows(hidden, first, logit_rows[end - 1].first + 1 - first));
      for (std::size_t i = begin; i < end; ++i)
        hand_out(logit_rows[i].second, ctx.values(logits, logit_rows[i].first - first));
    }
  }

  void hand_out(std::size_t want_idx, std::span<const float> logits) {
    const Want& want = wants_[want_idx];
    if (want.kind == Want::Kind::kLogits) return sink_.row(want_idx, logits);
    std::vector<float> values;
    std::vector<TopToken> allowed;
    for (std::size_t t = 0; t < logits.size(); ++t) {
      if (!want.mask.empty() && !(want.mask[t / 32] >> (t % 32) & 1u)) continue;
      const float logit = want.bias.empty() ? logits[t] : logits[t] + want.bias[t];
      if (std::isnan(logit)) continue;
      allowed.push_back({static_cast<Token>(t), logit});
      values.push_back(logit);
    }
    if (allowed.empty()) return sink_.top(want_idx, {}, -INFINITY);
    const float max = *std::ranges::max_element(values);
    for (float& v : values) v -= max;
    model_.kernels_->activate(kernels::Activation::kExp, values.data(), values.size(), values.data());
    const std::vector<float> ones(values.size(), 1.0f);
    const float sum = model_.kernels_->dot(values.data(), ones.data(), values.size());
    const auto better = [](const TopToken& a, const TopToken& b) {
      return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
    };
    const std::size_t k = std::min(want.k, allowed.size());
    std::ranges::partial_sort(allowed, allowed.begin() + static_cast<std::ptrdiff_t>(k), better);
    sink_.top(want_idx, std::span(allowed).first(k), max + static_cast<float>(kernels::recipe_log64(sum)));
  }

  void pool(std::size_t item, std::size_t row, std::span<const float> hidden) {
    if (pooled_.empty()) pooled_.resize(items_.size());
    std::vector<float>& sum = pooled_[item];
    if (sum.empty()) sum.assign(hidden.size(), 0.0f);
    switch (model_.model_->pooling()) {
      case Pooling::kNone:
      case Pooling::kMean:
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += hidden[i];
        break;
      case Pooling::kCls:
      case Pooling::kRank:
        if (row == 0) sum.assign(hidden.begin(), hidden.end());
        break;
      case Pooling::kLast: sum.assign(hidden.begin(), hidden.end()); break;
    }
  }

  void finish_pooling() {
    for (std::size_t i = 0; i < pooled_.size(); ++i) {
      if (pooled_[i].empty()) continue;
      const Pooling kind = model_.model_->pooling();
      if (kind == Pooling::kMean || kind == Pooling::kNone) {
        const float share = 1.0f / static_cast<float>(n_rows_[i]);
        for (float& v : pooled_[i]) v *= share;
      }
      for (const std::size_t w : pooled_wants_[i]) sink_.row(w, pooled_[i]);
    }
  }

  NativeModel& model_;
  std::span<const Item> items_;
  std::span<const Want> wants_;
  OutputSink& sink_;
  const EvaluateOptions& options_;
  std::size_t dim_;
  std::vector<Sequence*> sequences_;
  std::vector<std::size_t> n_rows_;
  std::vector<std::vector<std::size_t>> wants_of_;      // per item, ascending row; logits and hidden states
  std::vector<std::vector<std::size_t>> pooled_wants_;  // per item
  std::vector<std::vector<float>> pooled_;
};

Status NativeModel::evaluate(std::span<const Item> items, std::span<const Want> wants, OutputSink& sink,
                             const EvaluateOptions& options) {
  const std::lock_guard lock(mutex_);
  const ScopedFpEnvironment fp;
  return Evaluation(*this, items, wants, sink, options).run();
}

}  // namespace hearth::native
