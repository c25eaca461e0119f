// What tests on the fake engine share: text as its tokens, and how many sequences a model holds.
#pragma once

#include <string_view>
#include <vector>

#include "engine/fake/fake_model.h"

namespace hearth::generate {

inline std::vector<Token> bytes(std::string_view text) {
  return fake::ByteVocabulary().encode(text, {.special = EncodeOptions::Special::kNone});
}

inline std::size_t n_sequences(const fake::FakeModel& model) {
  const auto counts = model.counts();
  return counts.n_create + counts.n_fork - counts.n_destroy;
}

}  // namespace hearth::generate
