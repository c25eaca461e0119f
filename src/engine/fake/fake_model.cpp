// FakeModel: the life of sequences and the checks of a request. What it answers is in fake_answers.cpp.
#include "engine/fake/fake_model.h"

#include <algorithm>
#include <cstring>
#include <thread>
#include <utility>

#include "base/hash.h"

#include <fmt/format.h>

namespace hearth::fake {

namespace {

constexpr std::string_view kMagic = "HEARTHFK";  // saved state: magic, u64 count, tokens i32, Hash64 of all before

}  // namespace

FakeModel::FakeModel(Script script) : script_(std::move(script)) {
  info_ = {.architecture = "fake",
           .name = "scripted",
           .n_layers = script_.n_layers,
           .dim = script_.dim,
           .vocab_size = kVocabSize,
           .n_ctx_train = script_.n_ctx,
           .kv_bytes_per_token = sizeof(Token),
           .engine = "fake",
           .fingerprint = script_.fingerprint};
}

Counts FakeModel::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

Status FakeModel::enter(Failure::Call call, std::size_t& count) const {
  ++count;
  for (const Failure& failure : script_.failures) {
    if (failure.call == call && failure.number == count) return std::unexpected(failure.error);
  }
  return {};
}

Result<const FakeModel::Sequence*> FakeModel::find(SequenceId id) const {
  const auto it = sequences_.find(id);
  if (it == sequences_.end()) return fail(ErrorCode::kInvalidArgument, fmt::format("there is no sequence {}", id));
  return &it->second;
}

Result<std::size_t> FakeModel::checked_n_ctx(std::size_t asked) const {
  if (asked > script_.n_ctx) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("a context of {} was asked for, but this model has {} positions; ask for less", asked,
                            script_.n_ctx));
  }
  return asked ? asked : script_.n_ctx;
}

Result<SequenceId> FakeModel::adopt(Sequence sequence) {
  if (sequences_.size() >= script_.capabilities.max_sequences) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("this engine holds at most {} sequences; destroy one first",
                                                         script_.capabilities.max_sequences));
  }
  sequences_.emplace(next_id_, std::move(sequence));
  return next_id_++;
}

Result<SequenceId> FakeModel::create_sequence(const SequenceOptions& options) {
  const std::lock_guard lock(mutex_);
  HEARTH_CHECK(enter(Failure::Call::kCreate, counts_.n_create));
  HEARTH_TRY(const std::size_t n_ctx, checked_n_ctx(options.n_ctx));
  return adopt({.tokens = {}, .n_ctx = n_ctx});
}

void FakeModel::destroy_sequence(SequenceId sequence) {
  const std::lock_guard lock(mutex_);
  counts_.n_destroy += sequences_.erase(sequence);
}

Result<std::size_t> FakeModel::length(SequenceId sequence) const {
  const std::lock_guard lock(mutex_);
  HEARTH_TRY(const Sequence* s, find(sequence));
  return s->tokens.size();
}

Result<std::vector<Token>> FakeModel::tokens(SequenceId sequence) const {
  const std::lock_guard lock(mutex_);
  HEARTH_TRY(const Sequence* s, find(sequence));
  return s->tokens;
}

Result<SequenceId> FakeModel::fork(SequenceId sequence, std::size_t at) {
  const std::lock_guard lock(mutex_);
  HEARTH_CHECK(enter(Failure::Call::kFork, counts_.n_fork));
  if (!script_.capabilities.fork) return fail(ErrorCode::kInvalidArgument, "this engine cannot fork sequences");
  HEARTH_TRY(const Sequence* parent, find(sequence));
  const std::size_t length = parent->tokens.size();
  if (at > length)
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("cannot fork at position {}: the sequence has {}", at, length));
  if (script_.capabilities.rewind != Capabilities::Rewind::kAny && at != length && at != 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("cannot fork at position {}: this model's state exists only at its end ({})", at, length));
  }
  Sequence child{.tokens = parent->tokens, .n_ctx = parent->n_ctx, .peak = at};
  child.tokens.resize(at);
  return adopt(std::move(child));
}

Result<std::size_t> FakeModel::rewind(SequenceId sequence, std::size_t to) {
  const std::lock_guard lock(mutex_);
  HEARTH_CHECK(enter(Failure::Call::kRewind, counts_.n_rewind));
  HEARTH_CHECK(find(sequence));
  Sequence& s = sequences_.at(sequence);
  if (to >= s.tokens.size()) return s.tokens.size();
  switch (script_.capabilities.rewind) {
    case Capabilities::Rewind::kAny: break;
    case Capabilities::Rewind::kWindow:
      if (s.peak - to > script_.rewind_window) to = 0;
      break;
    case Capabilities::Rewind::kCheckpoint: to = 0; break;
    case Capabilities::Rewind::kNone: return fail(ErrorCode::kInvalidArgument, "this engine cannot rewind sequences");
  }
  s.tokens.resize(to);
  if (to == 0) s.peak = 0;
  return to;
}

Status FakeModel::export_state(SequenceId sequence,
                               const std::function<Status(std::span<const std::byte>)>& write) const {
  const std::lock_guard lock(mutex_);
  HEARTH_CHECK(enter(Failure::Call::kExport, counts_.n_export));
  if (!script_.capabilities.save) return fail(ErrorCode::kInvalidArgument, "this engine cannot save sequences");
  HEARTH_TRY(const Sequence* s, find(sequence));
  Hash64 hash;
  const auto put = [&](std::span<const std::byte> bytes) {
    hash.add(bytes);
    return write(bytes);
  };
  const std::uint64_t count = s->tokens.size();
  HEARTH_CHECK(put(std::as_bytes(std::span(kMagic))));
  HEARTH_CHECK(put(std::as_bytes(std::span(&count, 1))));
  HEARTH_CHECK(put(std::as_bytes(std::span(s->tokens))));
  const std::uint64_t checksum = hash.value();
  return write(std::as_bytes(std::span(&checksum, 1)));
}

Result<SequenceId> FakeModel::import_state(std::span<const std::byte> bytes, const SequenceOptions& options) {
  const auto refuse = [](std::string why) {
    return fail(ErrorCode::kStateMismatch, "restoring saved state: " + std::move(why));
  };
  const std::lock_guard lock(mutex_);
  HEARTH_CHECK(enter(Failure::Call::kImport, counts_.n_import));
  if (!script_.capabilities.save) return fail(ErrorCode::kInvalidArgument, "this engine cannot restore sequences");
  HEARTH_TRY(const std::size_t n_ctx, checked_n_ctx(options.n_ctx));
  if (bytes.size() < 24) return refuse("the data is too short");
  if (std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) return refuse("these bytes are no saved state");
  std::uint64_t count = 0, checksum = 0;
  std::memcpy(&count, bytes.data() + 8, 8);
  if (count != (bytes.size() - 24) / sizeof(Token) || bytes.size() % sizeof(Token) != 0)
    return refuse("its length does not match; it may be incomplete");
  if (count > n_ctx) return refuse(fmt::format("its {} positions do not fit a context of {}", count, n_ctx));
  Hash64 hash;
  hash.add(bytes.first(bytes.size() - 8));
  std::memcpy(&checksum, bytes.data() + bytes.size() - 8, 8);
  if (hash.value() != checksum) return refuse("its checksum does not match; it is damaged");
  Sequence sequence{.tokens = std::vector<Token>(count), .n_ctx = n_ctx, .peak = count};
  if (count) std::memcpy(sequence.tokens.data(), bytes.data() + 16, count * sizeof(Token));
  for (const Token token : sequence.tokens) {
    if (token < 0 || static_cast<std::size_t>(token) >= kVocabSize) return refuse("it holds no tokens of this model");
  }
  return adopt(std::move(sequence));
}

Status FakeModel::check_item(const Item& item, std::span<const Item> before) const {
  HEARTH_TRY(const Sequence* sequence, find(item.sequence));
  if (std::ranges::find(before, item.sequence, &Item::sequence) != before.end()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("sequence {} occurs in two items of one call; join them", item.sequence));
  }
  if (!item.embeddings.empty()) return fail(ErrorCode::kInvalidArgument, "this engine takes no embeddings");
  if (!item.positions.empty()) return fail(ErrorCode::kInvalidArgument, "this model takes no explicit positions");
  if (item.tokens.empty()) return fail(ErrorCode::kInvalidArgument, "an item needs tokens");
  const std::size_t length = sequence->tokens.size();
  for (std::size_t i = 0; i < item.tokens.size(); ++i) {
    const Token token = item.tokens[i];
    if (token < 0 || static_cast<std::size_t>(token) >= kVocabSize) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("token {} is outside the vocabulary of {}", token, kVocabSize));
    }
    if (length + i < script_.expect.size() && script_.expect[length + i] != token) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("the script expects token {} ({}) at position {}, but received {} ({})",
                              script_.expect[length + i], vocabulary_.token_name(script_.expect[length + i]),
                              length + i, token, vocabulary_.token_name(token)));
    }
  }
  if (item.tokens.size() > sequence->n_ctx - length) {
    return fail(ErrorCode::kContextFull,
                fmt::format("{} new tokens do not fit: {} of {} positions are used; shorten the input or make a longer "
                            "context",
                            item.tokens.size(), length, sequence->n_ctx));
  }
  return {};
}

Status FakeModel::check_want(std::size_t want_idx, const Want& want, std::span<const Item> items) const {
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("want {}: {}", want_idx, why));
  };
  if (want.item_idx >= items.size() || want.row >= items[want.item_idx].tokens.size())
    return refuse("it names a row that does not exist");
  if (want.kind == Want::Kind::kHidden || want.kind == Want::Kind::kPooled) return {};
  if (want.kind == Want::Kind::kTopK && (want.k == 0 || (!want.mask.empty() && want.mask.size() * 32 < kVocabSize) ||
                                         (!want.bias.empty() && want.bias.size() != kVocabSize)))
    return refuse("k must be at least 1, a mask covers the vocabulary, a bias has one value per token");
  switch (script_.capabilities.logits) {
    case Capabilities::Logits::kAll: return {};
    case Capabilities::Logits::kLast:
      if (want.row + 1 != items[want.item_idx].tokens.size())
        return refuse("this engine gives logits of the last row only");
      return {};
    case Capabilities::Logits::kTopN:
      if (want.kind == Want::Kind::kLogits) return refuse("this engine gives the best tokens only, not all logits");
      return {};
    case Capabilities::Logits::kNone: break;
  }
  return refuse("this engine gives hidden states, not logits");
}

Status FakeModel::evaluate(std::span<const Item> items, std::span<const Want> wants, OutputSink& sink,
                           const EvaluateOptions& options) {
  const std::lock_guard lock(mutex_);
  HEARTH_CHECK(enter(Failure::Call::kEvaluate, counts_.n_evaluate));
  std::size_t n_rows = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    HEARTH_CHECK(check_item(items[i], items.first(i)));
    n_rows += items[i].tokens.size();
  }
  if (n_rows > script_.capabilities.max_rows) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{} rows in one call, this engine takes at most {}", n_rows,
                                                         script_.capabilities.max_rows));
  }
  for (std::size_t w = 0; w < wants.size(); ++w) HEARTH_CHECK(check_want(w, wants[w], items));
  if (const Status status = run_layers(items, options); !status) {
    counts_.n_cancelled += status.error().code == ErrorCode::kCancelled;
    return status;
  }
  answer(items, wants, sink);
  for (const Item& item : items) {
    Sequence& sequence = sequences_.at(item.sequence);
    sequence.tokens.insert(sequence.tokens.end(), item.tokens.begin(), item.tokens.end());
    sequence.peak = std::max(sequence.peak, sequence.tokens.size());
    counts_.n_tokens += item.tokens.size();
  }
  return {};
}

/// Sleeps in short pieces; false when cancelled meanwhile.
bool FakeModel::wait(std::chrono::microseconds delay, const CancelCheck& cancelled) const {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + delay;
  while (true) {
    if (cancelled && cancelled()) return false;
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(end - Clock::now());
    if (left.count() <= 0) return true;
    std::this_thread::sleep_for(std::min<std::chrono::microseconds>(left, std::chrono::milliseconds(1)));
  }
}

Status FakeModel::run_layers(std::span<const Item> items, const EvaluateOptions& options) {
  std::size_t n_rows = 0;
  for (const Item& item : items) n_rows += item.tokens.size();
  const std::size_t ubatch = std::max<std::size_t>(1, options.ubatch);
  const auto delay = script_.delay_per_call + script_.delay_per_token * n_rows;
  const std::size_t n_steps = (n_rows + ubatch - 1) / ubatch * script_.n_layers;
  for (std::size_t begin = 0; begin < n_rows; begin += ubatch) {
    const std::size_t n = std::min(ubatch, n_rows - begin);
    for (std::size_t layer = 0; layer < script_.n_layers; ++layer) {
      if (!wait(delay / n_steps, options.cancelled)) return fail(ErrorCode::kCancelled, "the evaluation was cancelled");
      if (!options.observe_layer) continue;
      std::vector<float> values;
      std::size_t row = 0;
      for (const Item& item : items) {
        std::vector<Token> history = sequences_.at(item.sequence).tokens;
        for (const Token token : item.tokens) {
          history.push_back(token);
          if (row >= begin && row < begin + n) {
            values.resize(values.size() + script_.dim);
            fill_hidden(history, std::span(values).last(script_.dim));
          }
          ++row;
        }
      }
      options.observe_layer(layer, begin, values);
    }
  }
  return {};
}

}  // namespace hearth::fake
