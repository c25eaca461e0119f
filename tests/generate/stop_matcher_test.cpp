// Stop strings are found however the text is cut, and no part of one is shown.
#include "generate/stop_matcher.h"

#include <gtest/gtest.h>

namespace hearth::generate {
namespace {

struct Fed {
  std::string text;
  std::string stop;
};

/// Feeds `text` in pieces of `piece` bytes.
Fed feed(const std::vector<std::string>& stops, const std::string& text, std::size_t piece) {
  auto matcher = StopMatcher::make(stops);
  EXPECT_TRUE(matcher);
  Fed shown;
  for (std::size_t at = 0; at < text.size(); at += piece) shown.text += matcher->feed(text.substr(at, piece));
  if (!matcher->matched()) shown.text += matcher->flush();
  if (matcher->matched()) shown.stop = *matcher->matched();
  return shown;
}

void expect(const std::vector<std::string>& stops, const std::string& text, const std::string& shown,
            const std::string& stop) {
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    const Fed result = feed(stops, text, piece);
    EXPECT_EQ(result.text, shown) << "pieces of " << piece;
    EXPECT_EQ(result.stop, stop) << "pieces of " << piece;
  }
}

TEST(StopMatcher, FindsAStringAcrossPieces) {
  expect({"User:"}, "Hello there.\nUser: hi", "Hello there.\n", "User:");
  expect({"User:"}, "Use User : U User", "Use User : U User", "");
  expect({"User:"}, "User:", "", "User:");
}

TEST(StopMatcher, TheFirstCompleteStringCounts) {
  expect({"c", "abcX"}, "..abcX", "..ab", "c");
  expect({"abc", "bc"}, "xabc", "x", "abc");
  expect({"\n\n", "\n"}, "one\n\ntwo", "one", "\n");
}

TEST(StopMatcher, OverlappingBeginnings) {
  expect({"aab"}, "aaaab!", "aa", "aab");
  expect({"abab!"}, "abababab!", "abab", "abab!");
}

TEST(StopMatcher, NothingIsHeldBackWithoutReason) {
  auto matcher = StopMatcher::make({"stop"});
  ASSERT_TRUE(matcher);
  EXPECT_EQ(matcher->feed("no rea"), "no rea");
  EXPECT_EQ(matcher->feed("son to s"), "son to ");
  EXPECT_EQ(matcher->feed("ee"), "see");
  EXPECT_EQ(matcher->feed("sto"), "");
  EXPECT_EQ(matcher->flush(), "sto");
}

TEST(StopMatcher, CharactersStayWhole) {
  expect({"\xC3\xA9"}, "caf\xC3\xA9 au lait", "caf", "\xC3\xA9");
  expect({"\xC3\xA9"}, "\xC3\xA8", "\xC3\xA8", "");
}

TEST(StopMatcher, RefusesWhatCannotBe) {
  EXPECT_FALSE(StopMatcher::make({""}));
  EXPECT_FALSE(StopMatcher::make({"ok", "\xC3"}));
  EXPECT_TRUE(StopMatcher::make({}));
}

}  // namespace
}  // namespace hearth::generate
