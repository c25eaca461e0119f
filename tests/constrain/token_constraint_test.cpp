// Masks against the definition (a token is allowed when advancing by it works), budgets, forced tokens, forks,
// triggers.
#include "constrain/token_constraint.h"

#include <gtest/gtest.h>

#include <random>

#include "tiny_vocabulary.h"

namespace hearth::constrain {
namespace {

using hearth::testing::allowed;
using hearth::testing::generate;
using hearth::testing::tiny_trie;

const std::vector<std::pair<const char*, const char*>>& sources() {
  static const std::vector<std::pair<const char*, const char*>> list = {
      {"schema", R"({"type":"object"})"},
      {"schema", R"({"type":"object","properties":{"name":{"type":"string","maxLength":5},"tags":{"type":"array",
                  "items":{"type":"string","pattern":"^[ab]+$"},"minItems":1,"maxItems":3}},"required":["name","tags"]})"},
      {"schema", R"({"$ref":"#/$defs/t","$defs":{"t":{"type":"object","properties":{"v":{"type":"integer","minimum":-5,
                  "maximum":120},"next":{"anyOf":[{"$ref":"#/$defs/t"},{"type":"null"}]}},"required":["v","next"]}}})"},
      {"schema", R"({"type":"array","items":{"type":"string","minLength":2,"maxLength":200},"minItems":2})"},
      {"schema",
       R"({"anyOf":[{"type":"string","maxLength":3},{"type":"string","pattern":"^abcd"},{"type":"number"}]})"},
      {"regex", "(a|ab|abc)*(\\d{2,4}|x.{0,6}y)"},
      {"regex", "[^x]{5}[a-z ]+"},
      {"regex", ".*"},
      {"gbnf", "root ::= (\"(\" root \")\" | [a-c]+ | \"+\" root){1,3}"},
      {"gbnf", "root ::= item{2,5} \"!\"\nitem ::= [^!]{1,3} \",\"? "},
      {"gbnf", "root ::= <think> [^<]* </think> \"abc\" !<tool>"},
      {"gbnf", "root ::= (\"a\" | \"ab\" | <tool>)* .{2,4} [a-z]*"},
  };
  return list;
}

Constraint::Shared make(const std::string& kind, const char* source) {
  auto made = kind == "schema"  ? Constraint::from_json_schema(source)
              : kind == "regex" ? Constraint::from_regex(source)
                                : Constraint::from_gbnf(source);
  EXPECT_TRUE(made) << source << ": " << (made ? "" : made.error().message);
  return made ? *made : nullptr;
}

std::shared_ptr<const TokenConstraint> bound_to(const Constraint::Shared& constraint) {
  auto bound = TokenConstraint::bind(*constraint, tiny_trie());
  EXPECT_TRUE(bound) << (bound ? "" : bound.error().message);
  return bound ? *bound : nullptr;
}

TEST(TokenConstraint, MaskHoldsExactlyTheTokensThatCanBeTaken) {
  const auto trie = tiny_trie();
  std::mt19937 random(1);
  for (const auto& [kind, source] : sources()) {
    const auto bound = bound_to(make(kind, source));
    ASSERT_TRUE(bound);
    for (int round = 0; round < 12; ++round) {
      const std::uint32_t minimum = bound->minimum_tokens();
      std::optional<std::uint32_t> budget;
      if (round % 3 != 0) budget = minimum + random() % (round % 3 == 1 ? 4 : 25);
      auto state = bound->start(budget);
      ASSERT_TRUE(state) << state.error().message;
      for (int step = 0; step < 30; ++step) {
        const std::vector<Token> tokens = allowed(*state, *trie);
        std::vector<Token> expected;
        for (std::size_t token = 0; token < trie->vocab_size(); ++token) {
          ConstraintState copy = *state;
          if (copy.advance(static_cast<Token>(token))) expected.push_back(static_cast<Token>(token));
        }
        ASSERT_EQ(tokens, expected) << source << " round " << round << " step " << step;
        if (tokens.empty()) break;
        ASSERT_TRUE(state->advance(tokens[random() % tokens.size()]));
        if (state->finished()) break;
      }
    }
  }
}

TEST(TokenConstraint, WithABudgetTheTextIsAlwaysCompleteInTime) {
  const auto trie = tiny_trie();
  std::mt19937 random(2);
  for (const auto& [kind, source] : sources()) {
    const auto constraint = make(kind, source);
    const auto bound = bound_to(constraint);
    ASSERT_TRUE(bound);
    const bool special = std::string_view(source).find('<') != std::string_view::npos;
    const std::uint32_t minimum = bound->minimum_tokens();
    if (minimum > 0) {
      const auto refused = bound->start(minimum - 1);
      ASSERT_FALSE(refused);
      EXPECT_NE(refused.error().message.find("budget " + std::to_string(minimum - 1) + " < minimum " +
                                             std::to_string(minimum)),
                std::string::npos)
          << refused.error().message;
    }
    for (int round = 0; round < 60; ++round) {
      const std::uint32_t budget = minimum + random() % 40;
      const auto made = generate(*bound->start(budget), *trie, random, budget);
      EXPECT_FALSE(made.stuck) << source << " budget " << budget << ": " << made.text;
      if (special) continue;  // a text alone cannot show special tokens
      EXPECT_TRUE(*constraint->accepts(made.text)) << source << ": " << made.text;
    }
  }
}

TEST(TokenConstraint, StatesAreValues) {
  const auto bound = bound_to(make("regex", "(ab|cd)+"));
  auto a = *bound->start();
  ASSERT_TRUE(a.advance('a'));
  auto b = a;
  ASSERT_TRUE(b.advance('b'));
  ASSERT_FALSE(a.advance('c'));
  EXPECT_FALSE(a.accepting());
  EXPECT_TRUE(b.accepting());
  ASSERT_TRUE(a.advance('b'));
  EXPECT_EQ(allowed(a, *tiny_trie()), allowed(b, *tiny_trie()));
}

TEST(TokenConstraint, WhatIsForcedIsSpelledAtOnce) {
  const auto bound =
      bound_to(make("schema", R"({"type":"object","properties":{"name":{"const":"the"}},"required":["name"],
      "additionalProperties":false})"));
  auto state = *bound->start();
  EXPECT_EQ(state.forced_bytes(), "{");
  ASSERT_TRUE(state.advance('{'));
  ASSERT_TRUE(state.advance('"'));
  EXPECT_EQ(state.forced_bytes(), "name\":");
  std::string text;
  for (const Token token : state.forced_tokens()) {
    text += tiny_trie()->bytes(token);
    ASSERT_TRUE(state.advance(token));
  }
  EXPECT_EQ(text, "name\":");
  // Behind the colon a space may follow; then everything but the space before the brace is forced.
  ASSERT_TRUE(state.advance('"'));
  EXPECT_EQ(state.forced_bytes(), "the\"");
  const std::vector<std::string> choices = {"only"};
  const auto one = bound_to(*Constraint::from_choices(choices));
  auto last = *one->start();
  for (const Token token : last.forced_tokens()) ASSERT_TRUE(last.advance(token));
  EXPECT_TRUE(last.complete());
  EXPECT_TRUE(last.accepting());
}

TEST(TokenConstraint, BeginsAtItsTrigger) {
  const auto inner = make("regex", "[0-9]+");
  const auto trie = tiny_trie();
  const Token tool = *trie->special("<tool>"), think = *trie->special("<think>");
  for (const Trigger& trigger : {Trigger{.special_names = {"<tool>"}}, Trigger{.text = "ab("}}) {
    const auto outer = Constraint::after(trigger, inner);
    ASSERT_TRUE(outer) << outer.error().message;
    const auto bound = bound_to(*outer);
    auto state = *bound->start();
    for (const char c : std::string("x ab a")) ASSERT_TRUE(state.advance(c));
    ASSERT_TRUE(state.advance(think));
    EXPECT_TRUE(state.accepting());
    for (const char c : std::string("abab")) ASSERT_TRUE(state.advance(c));
    if (trigger.text.empty()) {
      ASSERT_TRUE(state.advance(tool));
    } else {
      ASSERT_TRUE(state.advance('('));
    }
    EXPECT_FALSE(state.accepting());
    EXPECT_FALSE(state.advance('x'));
    ASSERT_TRUE(state.advance('7'));
    EXPECT_TRUE(state.accepting());
    EXPECT_FALSE(state.advance(think));
  }
  // A token that holds the trigger and more is judged by what is behind it.
  const auto bound = bound_to(*Constraint::after({.text = "(a"}, make("regex", "\\)+")));
  auto state = *bound->start();
  const auto tokens = allowed(state, *trie);
  for (const Token token : tokens) EXPECT_NE(trie->bytes(token), "(ab");
  ASSERT_TRUE(state.advance('('));
  const auto next = allowed(state, *trie);
  const auto has = [&](std::string_view text) {
    return std::ranges::any_of(next, [&](Token token) { return trie->bytes(token) == text; });
  };
  EXPECT_TRUE(has("a"));
  EXPECT_TRUE(has("a)"));
  EXPECT_FALSE(has("ab"));
  EXPECT_TRUE(has("xyz"));
}

TEST(TokenConstraint, NamesWhatTheVocabularyLacks) {
  const auto unknown = TokenConstraint::bind(*make("gbnf", "root ::= <nothing>"), tiny_trie());
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("<nothing>"), std::string::npos);
  EXPECT_FALSE(TokenConstraint::bind(*make("gbnf", "root ::= <[99999]>"), tiny_trie()));
  // Without a token for a byte, texts that need it are not offered.
  std::vector<VocabularyToken> few = {{"a", TokenKind::kText}, {"bc", TokenKind::kText}, {"", TokenKind::kEnd}};
  const auto trie = *TokenTrie::build(few);
  EXPECT_FALSE(TokenConstraint::bind(*make("regex", "abc"), trie));
  EXPECT_TRUE(TokenConstraint::bind(*make("regex", "a*"), trie));
}

TEST(TokenConstraint, MemoryIsGivenBackWhileSequencesGoOn) {
  // Endless new stacks: every nesting level is a new state.
  const auto bound = bound_to(make("gbnf", "root ::= \"(\" root \")\" | \"[\" root \"]\" | [a-z]{3,400} root | \".\""));
  auto state = *bound->start();
  std::mt19937 random(3);
  std::vector<std::uint64_t> words(tiny_trie()->mask_words());
  for (int i = 0; i < 3000; ++i) {
    const Token token = i % 7 == 0 && i < 700 ? '(' : 'a';
    ASSERT_TRUE(state.advance(token)) << i;
    state.mask(words);
  }
  EXPECT_FALSE(state.accepting());
}

}  // namespace
}  // namespace hearth::constrain
