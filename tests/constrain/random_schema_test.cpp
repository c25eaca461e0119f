// Random schemas, random budgets, random logits: every output is a valid instance and complete within its budget.
// HEARTH_RANDOM_SCHEMAS sets how many schemas (the full campaign: 5000), HEARTH_RANDOM_SEED where to begin.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "constrain/json_schema.h"
#include "constrain/token_constraint.h"
#include "random_schema.h"
#include "tiny_vocabulary.h"

namespace hearth::constrain {
namespace {

std::uint32_t setting(const char* name, std::uint32_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10));
}

struct Outputs {
  std::size_t n_schemas = 0, n_refused = 0, n_empty = 0, n_outputs = 0, n_cut = 0, n_tokens = 0;
  std::map<std::string, int> why;
};

void run_outputs(const TokenConstraint& bound, const Constraint& constraint, const std::string& schema,
                 std::mt19937& random, Outputs& outputs) {
  const auto trie = hearth::testing::tiny_trie();
  const std::uint32_t minimum = bound.minimum_tokens();
  for (int i = 0; i < 4; ++i) {
    const std::uint32_t budget = minimum + (i == 0 ? 0 : random() % (i == 1 ? 5 : 120));
    const auto state = bound.start(budget);
    ASSERT_TRUE(state) << schema << ": " << state.error().message;
    const auto made = hearth::testing::generate(*state, *trie, random, budget);
    ++outputs.n_outputs;
    outputs.n_tokens += made.n_tokens;
    if (!made.finished) ++outputs.n_cut;
    ASSERT_FALSE(made.stuck) << schema << "\nbudget " << budget << ": " << made.text;
    const auto accepted = constraint.accepts(made.text, FormatCheck::kAssertion);
    ASSERT_TRUE(accepted) << accepted.error().message;
    ASSERT_TRUE(*accepted) << schema << "\nbudget " << budget << ": " << made.text;
  }
  if (minimum > 0) {
    EXPECT_FALSE(bound.start(minimum - 1)) << schema;
  }
}

TEST(RandomSchemas, EveryOutputValidatesWithinItsBudget) {
  const std::uint32_t count = setting("HEARTH_RANDOM_SCHEMAS", 300), seed = setting("HEARTH_RANDOM_SEED", 1);
  Outputs outputs;
  for (std::uint32_t i = 0; outputs.n_schemas < count; ++i) {
    std::mt19937 random(seed * 1'000'003 + i);
    const std::string schema = hearth::testing::RandomSchema(random).make().dump();
    const auto constraint = Constraint::from_json_schema(schema);
    if (!constraint) {
      ++outputs.n_refused;
      ASSERT_EQ(constraint.error().code, ErrorCode::kUnsupportedConstraint)
          << schema << ": " << constraint.error().message;
      continue;
    }
    const auto bound = TokenConstraint::bind(**constraint, hearth::testing::tiny_trie());
    if (!bound) {
      ASSERT_NE(bound.error().message.find("no text can fulfil it"), std::string::npos) << bound.error().message;
      ++outputs.n_empty;
      continue;
    }
    ++outputs.n_schemas;
    run_outputs(**bound, **constraint, schema, random, outputs);
    if (HasFatalFailure()) return;
  }
  std::printf(
      "%zu schemas (beside %zu refused and %zu that nothing fulfils), %zu outputs of %zu tokens, %zu of them cut "
      "by their budget; all valid\n",
      outputs.n_schemas, outputs.n_refused, outputs.n_empty, outputs.n_outputs, outputs.n_tokens, outputs.n_cut);
}

}  // namespace
}  // namespace hearth::constrain
