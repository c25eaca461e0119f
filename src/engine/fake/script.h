// What the fake model is told to do: what it answers, what it insists on receiving, how slow it is and when it fails.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hearth/language_model.h"

namespace hearth::fake {

/// A text (tokens) that ends with `after` is continued with `say`, token by token, and then with the end token. Of
/// several replies that fit, the one that has come furthest counts, then the one with the longest `after`. An empty
/// `after` fits every text.
struct Reply {
  std::vector<Token> after;
  std::vector<Token> say;
};

/// Fails one call: the n-th of its kind since the model was made, counted from 1.
struct Failure {
  enum class Call : std::uint8_t { kEvaluate, kCreate, kFork, kRewind, kExport, kImport } call = Call::kEvaluate;
  std::size_t number = 1;
  Error error{ErrorCode::kInternal, "the script of the fake model asked for this error"};
};

struct Script {
  std::vector<Reply> replies;
  /// Every sequence must begin with these tokens; the first that differs makes evaluate fail and names the position.
  std::vector<Token> expect;
  /// Fills the logits [vocab_size] after `history`; replaces replies and the pseudo-random logits.
  std::function<void(std::span<const Token> history, std::span<float> logits)> logits;

  std::chrono::microseconds delay_per_token{0};
  std::chrono::microseconds delay_per_call{0};
  std::vector<Failure> failures;

  std::size_t n_ctx = 4096;
  std::uint64_t fingerprint = 0xfa4e;
  std::size_t n_layers = 2;  // cancellation is looked at before each
  std::size_t dim = 8;
  std::size_t rewind_window = 8;  // positions, for Rewind::kWindow
  Capabilities capabilities = {.max_sequences = 64,
                               .max_rows = 1u << 16,
                               .fork = true,
                               .save = true,
                               .token_bytes = true,
                               .embeddings_in = false,
                               .adapters = false,
                               .batch_invariant = true};
};

/// The script used when nobody wrote one: it says what it is.
Script demo_script();

/// A script from JSON, which is hostile text:
///   {"hearth_fake": 1, "replies": [{"after": "Hi", "say": " there"}], "expect": "...", "n_ctx": 4096,
///    "delay_per_token_ms": 0, "delay_per_call_ms": 0, "kind": "decoder",
///    "failures": [{"call": "evaluate", "number": 2, "message": "..."}]}
/// Texts may also be lists of token ids. Unknown keys are errors.
Result<Script> parse_script(std::string_view json);
/// Whether a file that starts so is meant to be a script.
bool looks_like_script(std::string_view first_bytes);

}  // namespace hearth::fake
