// The contract of LanguageModel, tested on every engine by what it declares it can do.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <thread>

#include "conformance/engine_cases.h"

namespace hearth::testing {
namespace {

class Conformance : public ::testing::TestWithParam<EngineCase> {
 protected:
  void SetUp() override {
    auto opened = GetParam().open();
    ASSERT_TRUE(opened) << opened.error().message;
    model = std::move(*opened);
    tokens = std::span<const Token>(GetParam().tokens).first(24);
  }
  [[nodiscard]] const Capabilities& can() const { return model->capabilities(); }
  [[nodiscard]] bool encoder() const { return can().kind == Capabilities::Kind::kEncoder; }
  [[nodiscard]] std::vector<float> alone(std::span<const Token> text, const SequenceOptions& options = {}) {
    auto answer = answer_alone(*model, text, options);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer.value_or(std::vector<float>());
  }
  SequenceId create(const SequenceOptions& options = {}) {
    auto id = model->create_sequence(options);
    EXPECT_TRUE(id) << id.error().message;
    return id.value_or(0);
  }
  void put(SequenceId id, std::span<const Token> text) {
    const auto answer = extend(*model, id, text);
    ASSERT_TRUE(answer) << answer.error().message;
  }
  void expect_next(SequenceId id, std::span<const Token> text, std::span<const float> expected) {
    const auto answer = extend(*model, id, text);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_TRUE(same_bits(*answer, expected));
  }
  ErrorCode code_of(std::span<const Item> items, std::span<const Want> wants = {}) {
    Answers answers;
    const Status status = model->evaluate(items, wants, answers, {});
    EXPECT_FALSE(status);
    EXPECT_TRUE(answers.order.empty());
    if (status) return ErrorCode::kInternal;
    EXPECT_FALSE(status.error().message.empty());
    return status.error().code;
  }
  Result<std::vector<std::byte>> saved(SequenceId id) {
    std::vector<std::byte> bytes;
    HEARTH_CHECK(model->export_state(id, [&](std::span<const std::byte> chunk) -> Status {
      bytes.insert(bytes.end(), chunk.begin(), chunk.end());
      return {};
    }));
    return bytes;
  }

  std::unique_ptr<LanguageModel> model;
  std::span<const Token> tokens;
};

TEST_P(Conformance, DescribesItself) {
  const ModelInfo& info = model->info();
  EXPECT_FALSE(info.engine.empty());
  EXPECT_FALSE(info.architecture.empty());
  EXPECT_GT(info.n_ctx_train, 0u);
  EXPECT_GT(info.vocab_size, 0u);
  EXPECT_GT(info.dim, 0u);
  EXPECT_GE(can().max_sequences, 1u);
  EXPECT_GE(can().max_rows, 1u);
  if (model->vocabulary()) {
    EXPECT_LE(model->vocabulary()->size(), info.vocab_size);
  }
  EXPECT_EQ(encoder(), can().logits == Capabilities::Logits::kNone);
}

TEST_P(Conformance, SequencesAreBornEmptyAndDie) {
  const SequenceId a = create(), b = create();
  EXPECT_NE(a, b);
  EXPECT_EQ(model->length(a), 0u);
  put(a, tokens.first(3));
  EXPECT_EQ(model->length(a), 3u);
  EXPECT_EQ(model->length(b), 0u);
  model->destroy_sequence(a);
  EXPECT_FALSE(model->length(a));
  EXPECT_EQ(model->length(b), 0u);
  model->destroy_sequence(a);  // twice is harmless
  const SequenceId c = create();
  EXPECT_NE(c, a) << "ids are not reused, or an old handle would reach a stranger's text";
}

TEST_P(Conformance, UnknownSequencesAreRefused) {
  const SequenceId unknown = 123456;
  const Item item{.sequence = unknown, .tokens = tokens};
  EXPECT_EQ(code_of({&item, 1}), ErrorCode::kInvalidArgument);
  EXPECT_FALSE(model->length(unknown));
  EXPECT_FALSE(model->fork(unknown, 0));
  EXPECT_FALSE(model->rewind(unknown, 0));
  EXPECT_FALSE(model->export_state(unknown, [](std::span<const std::byte>) -> Status { return {}; }));
}

TEST_P(Conformance, AContextBeyondTheModelIsRefused) {
  const auto id = model->create_sequence({.n_ctx = model->info().n_ctx_train + 1});
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(model->create_sequence({.n_ctx = model->info().n_ctx_train}));
}

TEST_P(Conformance, AFullContextChangesNothing) {
  const SequenceId id = create({.n_ctx = 8});
  const Item nine{.sequence = id, .tokens = tokens.first(9)};
  EXPECT_EQ(code_of({&nine, 1}), ErrorCode::kContextFull);
  EXPECT_EQ(model->length(id), 0u);
  put(id, tokens.first(8));
  const Item one{.sequence = id, .tokens = tokens.subspan(8, 1)};
  EXPECT_EQ(code_of({&one, 1}), ErrorCode::kContextFull);
  EXPECT_EQ(model->length(id), 8u);
}

TEST_P(Conformance, BadItemsAreRefusedWhole) {
  const SequenceId id = create(), other = create();
  const auto vocab = static_cast<Token>(model->info().vocab_size);
  for (const Token bad : {Token{-1}, vocab, std::numeric_limits<Token>::max(), std::numeric_limits<Token>::min()}) {
    const std::vector<Token> text = {tokens[0], bad, tokens[1]};
    const Item items[] = {{.sequence = other, .tokens = tokens.first(2)}, {.sequence = id, .tokens = text}};
    EXPECT_EQ(code_of(items), ErrorCode::kInvalidArgument) << bad;
  }
  const Item empty{.sequence = id};
  EXPECT_EQ(code_of({&empty, 1}), ErrorCode::kInvalidArgument);
  const Item twice[] = {{.sequence = id, .tokens = tokens.first(2)}, {.sequence = id, .tokens = tokens.first(2)}};
  EXPECT_EQ(code_of(twice), ErrorCode::kInvalidArgument);
  const std::vector<float> embedding(model->info().dim);
  const Item both{.sequence = id, .tokens = tokens.first(1), .embeddings = embedding};
  EXPECT_EQ(code_of({&both, 1}), ErrorCode::kInvalidArgument);
  if (!can().embeddings_in) {
    const Item embedded{.sequence = id, .embeddings = embedding};
    EXPECT_EQ(code_of({&embedded, 1}), ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(model->length(id), 0u);
  EXPECT_EQ(model->length(other), 0u);
}

TEST_P(Conformance, BadWantsAreRefusedBeforeAnyWork) {
  const SequenceId id = create();
  const Item item{.sequence = id, .tokens = tokens.first(4)};
  const auto refused = [&](const Want& want) {
    EXPECT_EQ(code_of({&item, 1}, {&want, 1}), ErrorCode::kInvalidArgument);
    EXPECT_EQ(model->length(id), 0u);
  };
  refused({.item_idx = 1, .row = 0, .kind = answered_kind(*model), .k = 1});
  refused({.item_idx = 0, .row = 4, .kind = answered_kind(*model), .k = 1});
  if (encoder()) {
    refused({.item_idx = 0, .row = 0, .kind = Want::Kind::kLogits});
    refused({.item_idx = 0, .row = 0, .kind = Want::Kind::kTopK, .k = 1});
    return;
  }
  const std::vector<std::uint32_t> short_mask(model->info().vocab_size / 64);
  const std::vector<float> short_bias(model->info().vocab_size - 1);
  refused({.item_idx = 0, .row = 3, .kind = Want::Kind::kTopK, .k = 0});
  refused({.item_idx = 0, .row = 3, .kind = Want::Kind::kTopK, .k = 1, .mask = short_mask});
  refused({.item_idx = 0, .row = 3, .kind = Want::Kind::kTopK, .k = 1, .bias = short_bias});
  if (can().logits == Capabilities::Logits::kLast) refused({.item_idx = 0, .row = 2, .kind = Want::Kind::kLogits});
  if (can().logits == Capabilities::Logits::kTopN) refused({.item_idx = 0, .row = 3, .kind = Want::Kind::kLogits});
}

TEST_P(Conformance, TextInPiecesGivesTheSameBits) {
  if (encoder() || !can().batch_invariant) return;  // not promised by this engine
  const std::vector<float> whole = alone(tokens);
  for (const std::size_t piece : {1u, 5u, 23u}) {
    const SequenceId id = create();
    std::vector<float> last;
    for (std::size_t at = 0; at < tokens.size(); at += piece) {
      const auto answer = extend(*model, id, tokens.subspan(at, std::min(piece, tokens.size() - at)));
      ASSERT_TRUE(answer) << answer.error().message;
      last = *answer;
    }
    EXPECT_TRUE(same_bits(last, whole)) << "pieces of " << piece;
    model->destroy_sequence(id);
  }
  for (const std::size_t ubatch : {1u, 7u, 16u}) {
    const SequenceId id = create();
    const auto answer = extend(*model, id, tokens, {.ubatch = ubatch});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_TRUE(same_bits(*answer, whole)) << "micro-batches of " << ubatch;
    model->destroy_sequence(id);
  }
}

TEST_P(Conformance, RowsComeInOrderAndEachIsTheAnswerOfItsPrefix) {
  if (can().logits != Capabilities::Logits::kAll) return;  // this engine gives no logits of every row
  const SequenceId id = create();
  const Item item{.sequence = id, .tokens = tokens};
  std::vector<Want> wants;
  for (const std::size_t row : {0u, 3u, 11u, 23u}) wants.push_back({.item_idx = 0, .row = row});
  wants.push_back({.item_idx = 0, .row = 3, .kind = Want::Kind::kHidden});
  Answers answers;
  ASSERT_TRUE(model->evaluate({&item, 1}, wants, answers));
  ASSERT_EQ(answers.rows.size(), wants.size());
  for (std::size_t w = 0; w < 4; ++w) {
    EXPECT_EQ(answers.rows[w].size(), model->info().vocab_size);
    if (can().batch_invariant) {
      EXPECT_TRUE(same_bits(answers.rows[w], alone(tokens.first(wants[w].row + 1))));
    }
  }
  EXPECT_EQ(answers.rows[4].size(), model->info().dim);
  std::erase(answers.order, 4u);
  EXPECT_TRUE(std::ranges::is_sorted(answers.order));
}

TEST_P(Conformance, WantingNothingStillExtends) {
  const SequenceId id = create();
  const Item item{.sequence = id, .tokens = tokens.first(5)};
  Answers answers;
  ASSERT_TRUE(model->evaluate({&item, 1}, {}, answers));
  EXPECT_TRUE(answers.order.empty());
  EXPECT_EQ(model->length(id), 5u);
}

TEST_P(Conformance, SequencesOfOneBatchDoNotMeet) {
  if (!can().batch_invariant) return;  // not promised by this engine
  const std::vector<float> first = alone(tokens), second = alone(tokens.subspan(2, 7));
  const SequenceId a = create(), b = create();
  if (!encoder()) put(a, tokens.first(10));
  const Item items[] = {{.sequence = b, .tokens = tokens.subspan(2, 7)},
                        {.sequence = a, .tokens = encoder() ? tokens : tokens.subspan(10)}};
  const Want wants[] = {{.item_idx = 1, .row = items[1].tokens.size() - 1, .kind = answered_kind(*model), .k = 8},
                        {.item_idx = 0, .row = items[0].tokens.size() - 1, .kind = answered_kind(*model), .k = 8}};
  for (const std::size_t ubatch : {512u, 5u}) {
    Answers answers;
    ASSERT_TRUE(model->evaluate(items, wants, answers, {.ubatch = ubatch}));
    EXPECT_TRUE(same_bits(answers.rows[0], first));
    EXPECT_TRUE(same_bits(answers.rows[1], second));
    if (encoder() || can().rewind != Capabilities::Rewind::kAny) break;
    ASSERT_EQ(model->rewind(a, 10), 10u);
    ASSERT_EQ(model->rewind(b, 0), 0u);
  }
}

TEST_P(Conformance, ForksShareThePastAndNothingElse) {
  const SequenceId parent = create();
  put(parent, tokens.first(12));
  const auto child = model->fork(parent, 12);
  if (!can().fork) {
    ASSERT_FALSE(child);
    EXPECT_EQ(child.error().code, ErrorCode::kInvalidArgument);
    return;
  }
  ASSERT_TRUE(child) << child.error().message;
  EXPECT_EQ(model->length(*child), 12u);
  EXPECT_FALSE(model->fork(parent, 13));
  if (encoder()) return;
  const std::vector<float> expected = alone(tokens);
  const std::vector<Token> other_text = {tokens[20], tokens[19], tokens[18]};
  put(*child, other_text);
  expect_next(parent, tokens.subspan(12), expected);
  model->destroy_sequence(parent);
  std::vector<Token> whole(tokens.begin(), tokens.begin() + 12);
  whole.insert(whole.end(), other_text.begin(), other_text.end());
  whole.push_back(tokens[5]);
  expect_next(*child, std::span(&tokens[5], 1), alone(whole));
}

TEST_P(Conformance, ForksInTheMiddle) {
  if (!can().fork || encoder()) return;  // this engine does not fork texts
  const SequenceId parent = create();
  put(parent, tokens.first(12));
  const auto empty = model->fork(parent, 0);
  ASSERT_TRUE(empty) << empty.error().message;
  EXPECT_EQ(model->length(*empty), 0u);
  expect_next(*empty, tokens.first(3), alone(tokens.first(3)));
  const auto child = model->fork(parent, 5);
  if (!child) {
    EXPECT_NE(can().rewind, Capabilities::Rewind::kAny) << child.error().message;
    return;
  }
  EXPECT_EQ(model->length(*child), 5u);
  EXPECT_EQ(model->length(parent), 12u);
  expect_next(*child, tokens.subspan(5), alone(tokens));
  expect_next(parent, tokens.subspan(12), alone(tokens));
}

TEST_P(Conformance, RewindSaysWhereItArrivedAndTheTextGoesOnFromThere) {
  const SequenceId id = create();
  put(id, tokens.first(20));
  const auto reached = model->rewind(id, 15);
  if (can().rewind == Capabilities::Rewind::kNone) {
    ASSERT_FALSE(reached);
    EXPECT_EQ(model->length(id), 20u);
    return;
  }
  ASSERT_TRUE(reached) << reached.error().message;
  EXPECT_LE(*reached, 15u);
  if (can().rewind == Capabilities::Rewind::kAny) {
    EXPECT_EQ(*reached, 15u);
  }
  EXPECT_EQ(model->length(id), *reached);
  if (!encoder()) expect_next(id, tokens.subspan(*reached), alone(tokens));
  const auto beyond = model->rewind(id, 1000);
  ASSERT_TRUE(beyond);
  EXPECT_EQ(*beyond, *model->length(id)) << "a rewind forward changes nothing";
  EXPECT_EQ(model->rewind(id, 0), 0u);
  EXPECT_EQ(model->length(id), 0u);
  expect_next(id, tokens.first(4), alone(tokens.first(4)));
}

TEST_P(Conformance, SavedStateComesBackToTheBit) {
  const SequenceId id = create();
  put(id, tokens.first(17));
  const auto bytes = saved(id);
  if (!can().save) {
    EXPECT_FALSE(bytes);
    return;
  }
  ASSERT_TRUE(bytes) << bytes.error().message;
  model->destroy_sequence(id);
  const auto restored = model->import_state(*bytes, {});
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(model->length(*restored), 17u);
  const auto again = saved(*restored);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, *bytes);
  if (!encoder()) expect_next(*restored, tokens.subspan(17), alone(tokens));
}

TEST_P(Conformance, ForeignAndDamagedStateIsRefused) {
  if (!can().save) return;  // this engine does not save
  const SequenceId id = create();
  put(id, tokens.first(9));
  const auto bytes = saved(id);
  ASSERT_TRUE(bytes);
  const auto refused = [&](std::span<const std::byte> damaged, const SequenceOptions& options = {}) {
    const auto restored = model->import_state(damaged, options);
    if (restored) return false;
    return restored.error().code == ErrorCode::kStateMismatch || restored.error().code == ErrorCode::kInvalidArgument;
  };
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{23}, bytes->size() / 2, bytes->size() - 1})
    EXPECT_TRUE(refused(std::span(*bytes).first(size))) << size;
  for (std::size_t at = 0; at < bytes->size(); at += std::max<std::size_t>(1, bytes->size() / 97)) {
    std::vector<std::byte> damaged = *bytes;
    damaged[at] ^= std::byte{0x10};
    EXPECT_TRUE(refused(damaged)) << "byte " << at;
  }
  std::vector<std::byte> longer = *bytes;
  longer.push_back(std::byte{0});
  EXPECT_TRUE(refused(longer));
  EXPECT_TRUE(refused(*bytes, {.n_ctx = 8}));
  EXPECT_TRUE(refused(*bytes, {.n_ctx = model->info().n_ctx_train + 1}));
}

TEST_P(Conformance, AFailingWriterEndsTheExport) {
  if (!can().save) return;  // this engine does not save
  const SequenceId id = create();
  put(id, tokens.first(3));
  const Status status = model->export_state(
      id, [](std::span<const std::byte>) -> Status { return fail(ErrorCode::kIo, "the disk is full"); });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "the disk is full");
}

TEST_P(Conformance, ACancelledEvaluationLeavesNoTrace) {
  const std::vector<float> expected = alone(tokens);
  const SequenceId id = create();
  if (!encoder()) put(id, tokens.first(6));
  const std::size_t before = *model->length(id);
  const auto rest = tokens.subspan(before);
  std::size_t n_checks = 0;
  for (std::size_t stop_at = 1; stop_at < 1000; ++stop_at) {
    n_checks = 0;
    const auto answer = extend(*model, id, rest, {.cancelled = [&] { return ++n_checks == stop_at; }, .ubatch = 8});
    if (answer) {
      EXPECT_GT(stop_at, model->info().n_layers) << "cancellation is asked for between layers";
      EXPECT_TRUE(same_bits(*answer, expected));
      return;
    }
    EXPECT_EQ(answer.error().code, ErrorCode::kCancelled);
    ASSERT_EQ(model->length(id), before);
  }
  FAIL() << "the evaluation never finished";
}

TEST_P(Conformance, LayersAreObservedOnceForEveryRow) {
  const SequenceId id = create();
  std::vector<std::size_t> n_rows(model->info().n_layers);
  std::vector<std::size_t> next_row(model->info().n_layers);
  EvaluateOptions options{.ubatch = 7};
  options.observe_layer = [&](std::size_t layer, std::size_t row_begin, std::span<const float> values) {
    ASSERT_LT(layer, n_rows.size());
    EXPECT_EQ(row_begin, next_row[layer]);
    EXPECT_EQ(values.size() % model->info().dim, 0u);
    next_row[layer] += values.size() / model->info().dim;
  };
  ASSERT_TRUE(extend(*model, id, tokens, options));
  for (const std::size_t rows : next_row) EXPECT_EQ(rows, tokens.size());
}

TEST_P(Conformance, TopTokensAreTheBestLogits) {
  if (can().logits != Capabilities::Logits::kAll) return;  // no logits to compare with
  const std::vector<float> logits = alone(tokens);
  std::vector<std::uint32_t> mask((logits.size() + 31) / 32, 0xAAAAAAAAu);  // odd ids only
  std::vector<float> bias(logits.size(), 0.0f);
  bias[3] = 1000.0f;
  bias[2] = 2000.0f;  // banned by the mask
  const SequenceId id = create();
  const Item item{.sequence = id, .tokens = tokens};
  const Want wants[] = {{.item_idx = 0, .row = 23, .kind = Want::Kind::kTopK, .k = 5},
                        {.item_idx = 0, .row = 23, .kind = Want::Kind::kTopK, .k = 2, .mask = mask, .bias = bias},
                        {.item_idx = 0, .row = 23, .kind = Want::Kind::kTopK, .k = logits.size() * 2}};
  Answers answers;
  ASSERT_TRUE(model->evaluate({&item, 1}, wants, answers));
  std::vector<std::size_t> order(logits.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, std::greater(), [&](std::size_t i) { return logits[i]; });
  ASSERT_EQ(answers.rows[0].size(), 11u);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - logits[order[0]]);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(answers.rows[0][2 * i], static_cast<float>(order[i]));
    EXPECT_EQ(answers.rows[0][2 * i + 1], logits[order[i]]);
  }
  EXPECT_NEAR(answers.rows[0][10], logits[order[0]] + std::log(sum), 1e-3);
  ASSERT_EQ(answers.rows[1].size(), 5u);
  EXPECT_EQ(answers.rows[1][0], 3.0f);
  EXPECT_EQ(static_cast<std::size_t>(answers.rows[1][2]) % 2, 1u);
  EXPECT_EQ(answers.rows[2].size(), 2 * logits.size() + 1);
}

TEST_P(Conformance, ThreadsWithTheirOwnSequences) {
  if (!can().batch_invariant) return;  // not promised by this engine
  const std::vector<float> expected[] = {alone(tokens), alone(tokens.subspan(1, 9))};
  std::vector<float> answers[2];
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 3; ++round)
        answers[t] = answer_alone(*model, t == 0 ? tokens : tokens.subspan(1, 9)).value_or(std::vector<float>());
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int t = 0; t < 2; ++t) EXPECT_TRUE(same_bits(answers[t], expected[t]));
}

TEST_P(Conformance, HoldsNoMoreSequencesThanItSays) {
  constexpr std::size_t kEnough = 100;
  std::vector<SequenceId> ids;
  for (std::size_t i = 0; i < std::min(can().max_sequences, kEnough); ++i) ids.push_back(create());
  if (can().max_sequences > kEnough) return;
  EXPECT_FALSE(model->create_sequence({}));
  model->destroy_sequence(ids.front());
  EXPECT_TRUE(model->create_sequence({}));
}

INSTANTIATE_TEST_SUITE_P(Engines, Conformance, ::testing::ValuesIn(engine_cases()),
                         [](const auto& engine) { return engine.param.name; });

}  // namespace
}  // namespace hearth::testing
