// The split-pattern automaton: its syntax, its priorities, its limits, and that hand-written scanners agree with it.
#include "text/regex.h"

#include <gtest/gtest.h>

#include <chrono>

#include "random_text.h"
#include "text/char_class.h"
#include "text/pre_tokenizer.h"
#include "text/word_scanners.h"

namespace hearth::text {
namespace {

using Matches = std::vector<std::string>;

Matches find(const std::string& pattern, const std::string& text, RegexAnchors anchors = RegexAnchors::kLines) {
  const auto regex = Regex::compile(pattern, anchors);
  EXPECT_TRUE(regex) << (regex ? "" : regex.error().message);
  if (!regex) return {};
  const Chars chars = to_chars(text);
  Matches found;
  for (const RegexMatch& match : regex->find_all(chars.codes)) {
    found.emplace_back(text.substr(chars.byte_at[match.begin], chars.byte_at[match.end] - chars.byte_at[match.begin]));
  }
  return found;
}

TEST(Regex, PrefersTheFirstAlternativeAndTheLongestGreedyRun) {
  EXPECT_EQ(find("a|ab", "ab"), (Matches{"a"}));
  EXPECT_EQ(find("ab|a", "aab"), (Matches{"a", "ab"}));
  EXPECT_EQ(find("a+", "baaac"), (Matches{"aaa"}));
  EXPECT_EQ(find("a+?", "aa"), (Matches{"a", "a"}));
  EXPECT_EQ(find("a{2,3}", "aaaaa"), (Matches{"aaa", "aa"}));
  EXPECT_EQ(find("a{2}", "aaaaa"), (Matches{"aa", "aa"}));
  EXPECT_EQ(find("(?:ab)*c", "ababc"), (Matches{"ababc"}));
  EXPECT_EQ(find("a*b|a", "aaa"), (Matches{"a", "a", "a"}));
  EXPECT_EQ(find("x{,2}y", "x{,2}y xxy"), (Matches{"y", "xxy"}));
  EXPECT_EQ(find("x{a", "x{a"), (Matches{"x{a"}));
}

TEST(Regex, Classes) {
  EXPECT_EQ(find("[a-c]+", "xabcd"), (Matches{"abc"}));
  EXPECT_EQ(find("[^a-c]+", "xabcd"), (Matches{"x", "d"}));
  EXPECT_EQ(find("[]a]+", "]a"), (Matches{"]a"}));
  EXPECT_EQ(find("[a\\-z]+", "a-bz"), (Matches{"a-", "z"}));
  EXPECT_EQ(find("[a-c&&[^b]]+", "abc"), (Matches{"a", "c"}));
  EXPECT_EQ(find("[\\p{L}\\p{N}]+",
                 "\xC3\xA9"
                 "1 x"),
            (Matches{"\xC3\xA9"
                     "1",
                     "x"}));
  EXPECT_EQ(find("\\p{Lu}\\P{Lu}", "aBc"), (Matches{"Bc"}));
  EXPECT_EQ(find("\\u4E00|\\x{1F600}|\\x41", "A\xE4\xB8\x80\xF0\x9F\x98\x80"),
            (Matches{"A", "\xE4\xB8\x80", "\xF0\x9F\x98\x80"}));
  // Word characters: a superscript two and a half, a circled letter, a Roman numeral; not a circled one, a Bengali
  // numerator, a zero-width joiner.
  EXPECT_EQ(find("\\w+",
                 "\xC2\xB2\xC2\xBD\xE2\x92\xB6\xE2\x85\xA7_a\xE2\x91\xA0"
                 "b\xE0\xA7\xB6"
                 "c\xE2\x80\x8D"
                 "d"),
            (Matches{"\xC2\xB2\xC2\xBD\xE2\x92\xB6\xE2\x85\xA7_a", "b", "c", "d"}));
  EXPECT_EQ(find("\\b.", "\xE0\xA7\xB6\xC2\xBC"), (Matches{"\xC2\xBC"}));
  EXPECT_EQ(find(".+", "ab\ncd"), (Matches{"ab", "cd"}));
}

TEST(Regex, CaseFolding) {
  EXPECT_EQ(find("(?i:'s|'ll)", "'S 'lL '\xC5\xBF 's"), (Matches{"'S", "'lL", "'\xC5\xBF", "'s"}));
  EXPECT_EQ(find("(?i:k)k", "\xE2\x84\xAAk Kk kK"), (Matches{"\xE2\x84\xAAk", "Kk"}));
  EXPECT_EQ(find("a(?i)b|c", "aB C"), (Matches{"aB", "C"}));
}

TEST(Regex, LooksAheadAndBehind) {
  EXPECT_EQ(find("\\s+(?!\\S)|\\s+", "a   b  "), (Matches{"  ", " ", "  "}));
  EXPECT_EQ(find("a(?=b)", "abac"), (Matches{"a"}));
  EXPECT_EQ(find("(?<=a)b|(?<!a)c", "ab ac bc"), (Matches{"b", "c"}));
  EXPECT_EQ(find("\\d{1,3}(?=(?:\\d{3})*\\b)", "1234567 12 1234a"), (Matches{"1", "234", "567", "12"}));
  EXPECT_EQ(find("(?=(\\d{3})+(?!\\d))", "1234567").size(), 2U);
}

TEST(Regex, Anchors) {
  EXPECT_EQ(find("^a|b$", "a\nab", RegexAnchors::kLines), (Matches{"a", "a", "b"}));
  EXPECT_EQ(find("^a|b$", "a\nab", RegexAnchors::kText), (Matches{"a", "b"}));
  EXPECT_EQ(find("\\ba|b\\B", "a ba bb"), (Matches{"a", "b", "b"}));
  EXPECT_EQ(find("\\s+\\Z", "a \n"), (Matches{" \n"}));
}

TEST(Regex, PossessiveRunsGiveNothingBack) {
  EXPECT_EQ(find("a++b|a", "aac aab"), (Matches{"a", "a", "aab"}));
  EXPECT_EQ(find("a?+a", "a aa"), (Matches{"aa"}));
  EXPECT_EQ(find("a{1,2}+a", "aa aaa"), (Matches{"aaa"}));
  EXPECT_EQ(find("[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+", " ab\ncd"), (Matches{" ab", "cd"}));
}

TEST(Regex, RefusesByName) {
  for (const char* pattern : {"(",      ")",       "[a",           "a**b(",    "*a",    "\\",       "(?<name>a)",
                              "(?>a)",  "\\1",     "\\p{Klingon}", "(?<=ab)c", "(a*)*", "(?:|a)+",  "[[:alpha:]]",
                              "a{3,2}", "a{2000}", "\\x{110000}",  "\\x4",     "[b-a]", "(?:ab)++", "(?:a{1000}){1000}",
                              "\\p{L",  "\xFF"}) {
    const auto regex = Regex::compile(pattern);
    ASSERT_FALSE(regex) << pattern;
    EXPECT_EQ(regex.error().code, ErrorCode::kUnsupportedModel);
    EXPECT_FALSE(regex.error().message.empty());
  }
  EXPECT_FALSE(Regex::compile(std::string(100000, '(')));
  EXPECT_FALSE(Regex::compile(std::string(100000, '[')));
}

TEST(Regex, IsLinear) {
  const std::u32string many_a(1 << 20, U'a');
  const std::vector<std::uint32_t> codes(many_a.begin(), many_a.end());
  for (const char* pattern : {"a*b|a", "(?:a|aa)+b|a", "a+?b|a(?=a*)", "(?:a{1,50}){1,20}b|a"}) {
    const auto regex = Regex::compile(pattern);
    ASSERT_TRUE(regex) << pattern;
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(regex->find_all(codes).size(), codes.size());
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10)) << pattern;
  }
}

/// Every pattern that has a scanner, cut by the scanner and by the automaton.
TEST(WordScanners, AgreeWithTheirPatterns) {
  int n_patterns = 0;
  for (const std::string_view name : pre_tokenizer_names()) {
    VocabData data;
    data.pre = name;
    ASSERT_TRUE(apply_pre_tokenizer_name(data));
    for (const PreTokenizerStep& step : data.pre_tokenizers) {
      const auto scanner = scanner_for(step.pattern);
      if (!scanner) continue;
      ++n_patterns;
      const auto regex = Regex::compile(step.pattern);
      ASSERT_TRUE(regex) << regex.error().message;
      std::mt19937 random(1);
      for (int round = 0; round < 2000; ++round) {
        const std::string text = testing::random_text(random, 40);
        const PieceList list = whole_piece(text, true);
        const ScanText scan{list.chars.codes, list.flags};
        std::vector<std::uint32_t> by_hand;
        for (std::uint32_t pos = 0; pos < list.chars.size();) by_hand.push_back(pos = scanner->piece_end(scan, pos));
        std::vector<std::uint32_t> by_automaton;
        for (const RegexMatch& match : regex->find_all(list.chars.codes)) by_automaton.push_back(match.end);
        ASSERT_EQ(by_hand, by_automaton) << name << ": [" << text << "]";
      }
    }
  }
  EXPECT_GT(n_patterns, 20);
}

TEST(PreTokenizers, EveryKnownNameCompilesAndLosesNothing) {
  for (const std::string_view name : pre_tokenizer_names()) {
    VocabData data;
    data.pre = name;
    ASSERT_TRUE(apply_pre_tokenizer_name(data));
    const auto steps = make_pre_tokenizers(data.pre_tokenizers, false);
    ASSERT_TRUE(steps) << name << ": " << steps.error().message;
    std::mt19937 random(2);
    for (int round = 0; round < 200; ++round) {
      const std::string text = round % 2 == 0 ? testing::random_text(random, 60) : testing::random_bytes(random, 60);
      PieceList list = whole_piece(text, true);
      for (const auto& step : *steps) step->apply(list);
      std::string joined;
      for (std::size_t i = 0; i < list.pieces.size(); ++i) joined += list.piece(i);
      ASSERT_EQ(joined, text) << name;
    }
  }
  VocabData data;
  data.pre = "no-such-name";
  const auto refused = apply_pre_tokenizer_name(data);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("no-such-name"), std::string::npos);
}

}  // namespace
}  // namespace hearth::text
