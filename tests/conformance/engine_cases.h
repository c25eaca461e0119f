// The engines under the conformance suite: every variant of the fake, and native on every golden model it can load.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "data_path.h"
#include "engine/fake/fake_model.h"
#include "engine/registry.h"
#include "file/model_file.h"
#include "hearth/language_model.h"
#include "models/model.h"

#include <nlohmann/json.hpp>

namespace hearth::testing {

struct EngineCase {
  std::string name;
  std::function<Result<std::unique_ptr<LanguageModel>>()> open;
  std::vector<Token> tokens;  // at least 24 ids of its vocabulary
};

/// What an engine says about one row: logits, the best tokens or the hidden state, whichever it can give, as bits.
struct Answers final : OutputSink {
  void row(std::size_t want_idx, std::span<const float> values) override;
  void top(std::size_t want_idx, std::span<const TopToken> tokens, float log_sum_exp) override;
  std::vector<std::vector<float>> rows;  // by want
  std::vector<std::size_t> order;        // want indexes as they came
};

inline EngineCase fake_case(std::string name, const std::function<void(fake::Script&)>& change) {
  fake::Script script;
  change(script);
  std::vector<Token> tokens = fake::ByteVocabulary().encode("The quick brown fox jumps over the lazy dog.", {});
  return {"fake_" + std::move(name),
          [script]() -> Result<std::unique_ptr<LanguageModel>> { return std::make_unique<fake::FakeModel>(script); },
          std::move(tokens)};
}

inline void add_fakes(std::vector<EngineCase>& cases) {
  using Rewind = Capabilities::Rewind;
  using Logits = Capabilities::Logits;
  cases.push_back(fake_case("full", [](fake::Script&) {}));
  cases.push_back(fake_case("least", [](fake::Script& s) {
    s.capabilities.rewind = Rewind::kNone;
    s.capabilities.fork = s.capabilities.save = false;
    s.capabilities.logits = Logits::kLast;
    s.capabilities.max_sequences = 2;
  }));
  cases.push_back(fake_case("window", [](fake::Script& s) { s.capabilities.rewind = Rewind::kWindow; }));
  cases.push_back(fake_case("checkpoint", [](fake::Script& s) { s.capabilities.rewind = Rewind::kCheckpoint; }));
  cases.push_back(fake_case("top_n", [](fake::Script& s) { s.capabilities.logits = Logits::kTopN; }));
  cases.push_back(fake_case("encoder", [](fake::Script& s) {
    s.capabilities.kind = Capabilities::Kind::kEncoder;
    s.capabilities.logits = Logits::kNone;
  }));
}

inline bool loadable(const std::filesystem::path& path) {
  const auto file = open_model_file(path);
  if (!file) return false;
  const auto name = (*file)->require<std::string>("general.architecture");
  return name && std::ranges::find(all_architectures(), *name, &Architecture::name) != all_architectures().end();
}

inline void add_natives(std::vector<EngineCase>& cases) {
  const auto root = data_path("golden/arch");
  if (missing(root)) return;
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator(root)) folders.push_back(entry.path());
  std::ranges::sort(folders);
  for (const auto& folder : folders) {
    const auto path = folder / "model.gguf";
    if (missing(path) || !loadable(path)) continue;
    const auto tokens = nlohmann::json::parse(read_text(folder / "tokens.json")).at("tokens").get<std::vector<Token>>();
    std::string name = "native_" + folder.filename().string();
    std::ranges::replace_if(name, [](char c) { return c == '-' || c == '.'; }, '_');
    cases.push_back({name, [path] { return open_model(path, {.n_threads = 2}); }, tokens});
  }
}

/// Made once: googletest asks again for each test of the suite.
inline const std::vector<EngineCase>& engine_cases() {
  static const std::vector<EngineCase> cases = [] {
    std::vector<EngineCase> made;
    add_fakes(made);
    add_natives(made);
    return made;
  }();
  return cases;
}

inline void Answers::row(std::size_t want_idx, std::span<const float> values) {
  if (rows.size() <= want_idx) rows.resize(want_idx + 1);
  rows[want_idx].assign(values.begin(), values.end());
  order.push_back(want_idx);
}

inline void Answers::top(std::size_t want_idx, std::span<const TopToken> tokens, float log_sum_exp) {
  if (rows.size() <= want_idx) rows.resize(want_idx + 1);
  for (const TopToken& token : tokens) {
    rows[want_idx].push_back(static_cast<float>(token.token));
    rows[want_idx].push_back(token.logit);
  }
  rows[want_idx].push_back(log_sum_exp);
  order.push_back(want_idx);
}

/// The kind of want that this engine answers for a last row.
inline Want::Kind answered_kind(const LanguageModel& model) {
  switch (model.capabilities().logits) {
    case Capabilities::Logits::kAll:
    case Capabilities::Logits::kLast: return Want::Kind::kLogits;
    case Capabilities::Logits::kTopN: return Want::Kind::kTopK;
    case Capabilities::Logits::kNone: return Want::Kind::kHidden;
  }
  return Want::Kind::kHidden;
}

/// Appends tokens and returns the answer for the last of them.
inline Result<std::vector<float>> extend(LanguageModel& model, SequenceId sequence, std::span<const Token> tokens,
                                         const EvaluateOptions& options = {}) {
  const Item item{.sequence = sequence, .tokens = tokens};
  const Want want{.item_idx = 0, .row = tokens.size() - 1, .kind = answered_kind(model), .k = 8};
  Answers answers;
  HEARTH_CHECK(model.evaluate({&item, 1}, {&want, 1}, answers, options));
  if (answers.rows.size() != 1) return fail(ErrorCode::kInternal, "the want was not answered");
  return std::move(answers.rows[0]);
}

/// The answer for the last token of a text in a sequence of its own.
inline Result<std::vector<float>> answer_alone(LanguageModel& model, std::span<const Token> tokens,
                                               const SequenceOptions& options = {}) {
  HEARTH_TRY(const SequenceId id, model.create_sequence(options));
  const ScopedSequence sequence(model, id);
  return extend(model, id, tokens);
}

/// Equal to the last bit.
inline bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

}  // namespace hearth::testing
