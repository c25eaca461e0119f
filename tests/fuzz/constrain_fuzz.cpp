// Any bytes as schema, pattern or grammar (by the first byte) and as the text to judge: an answer, never a fault; and
// whatever is bound to a vocabulary generates only what its judge accepts, within its budget.
#include <cstdlib>
#include <random>
#include <string_view>

#include "constrain/tiny_vocabulary.h"
#include "constrain/token_constraint.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, std::size_t n_bytes) {
  using namespace hearth::constrain;
  if (n_bytes < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(bytes) + 1, n_bytes - 1);
  const std::string_view source = input.substr(0, input.find('\0'));
  const auto made = bytes[0] % 3 == 0   ? Constraint::from_json_schema(source)
                    : bytes[0] % 3 == 1 ? Constraint::from_regex(source)
                                        : Constraint::from_gbnf(source);
  if (!made) return 0;
  static_cast<void>((*made)->accepts(input.substr(source.size())));
  const auto trie = hearth::testing::tiny_trie();
  const auto bound = TokenConstraint::bind(**made, trie);
  if (!bound) return 0;
  const std::uint32_t minimum = (*bound)->minimum_tokens();
  if (minimum > 200) return 0;
  std::mt19937 random(static_cast<unsigned>(n_bytes) * 31 + bytes[n_bytes - 1]);
  const auto state = (*bound)->start(minimum + 20);
  if (!state) std::abort();
  const auto text = hearth::testing::generate(*state, *trie, random, minimum + 20);
  if (text.stuck) std::abort();
  if (bytes[0] % 3 != 2) {
    const auto accepted = (*made)->accepts(text.text, FormatCheck::kAssertion);
    if (accepted && !*accepted) std::abort();
  }
  return 0;
}
