// What a terminal is spared: steering by the text of a model, and staying as the chat had it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "cli/terminal.h"

namespace hearth::testing {
namespace {

/// A model that says this.
std::string saying(const ScratchFolder& folder, const std::string& words, const std::string& more = "") {
  const nlohmann::json reply = {{"after", ""}, {"say", words}};
  return folder.write("steering.json", R"({"hearth_fake": 1, "replies": [)" + reply.dump() + "]" + more + "}");
}

const std::string kSteering =
    "a\x1b[2Jb\x1b]0;title\x07"
    "c\x7f\r\xc2\x9b"
    "31md\te";
const std::string kShown = "a\u241b[2Jb\u241b]0;title\u2407c\u2421\u240d<U+009B>31md\te";

TEST(AtATerminal, TextOfTheModelDoesNotSteerIt) {
  const ScratchFolder folder;
  const std::string model = saying(folder, kSteering);
  Terminal run({"run", model, "Q", "--greedy"});
  run.expect(kShown);
  EXPECT_EQ(run.code(), 0);
  Terminal chat({"chat", model, "--template", "plain"});
  chat.expect("> ");
  chat.type("Hi\r");
  chat.expect(kShown);
  chat.type("\x04");
  EXPECT_EQ(chat.code(), 0);
  EXPECT_EQ(run_hearth({"run", model, "Q", "--greedy"}).out, kSteering) << "a pipe gets every byte";
}

TEST(AtATerminal, NeitherDoesTextOfAFile) {
  const ScratchFolder folder;
  const std::string source = folder.write("steering.jinja", "a\x1b[2Jb"), request = R"({"messages": []})";
  Terminal shown({"template", source});
  shown.type(request + "\n\x04");
  shown.expect("a\u241b[2Jb");
  EXPECT_EQ(shown.code(), 0);
  EXPECT_EQ(run_hearth({"template", source}, {.input = request}).out, "a\x1b[2Jb") << "a pipe gets every byte";
}

TEST(AtATerminal, SignalsGiveItBack) {
  const ScratchFolder folder;
  const std::vector<std::string> words = {
      "chat", saying(folder, std::string(500, 'x'), R"(, "delay_per_token_ms": 20)"), "--template", "plain"};
  for (const int signal : {SIGTERM, SIGQUIT, SIGINT}) {
    Terminal terminal(words);
    terminal.expect("> ");
    EXPECT_FALSE(terminal.is_cooked());
    terminal.send(signal);
    EXPECT_EQ(terminal.died_of(), signal);
    EXPECT_TRUE(terminal.is_cooked()) << signal;
  }
  Terminal answering(words);
  answering.expect("> ");
  answering.type("Hi\r");
  answering.expect("xxx");
  answering.type("\x1c");  // Ctrl-backslash
  EXPECT_EQ(answering.died_of(), SIGQUIT);
  EXPECT_TRUE(answering.is_cooked());
}

TEST(AtATerminal, ADumbOneGetsNoEscapeSequences) {
  const ScratchFolder folder;
  Terminal chat({"chat", saying(folder, "Hello."), "--template", "plain"}, {}, "dumb");
  chat.type("Hi\n/undo\n/exit\n");
  const std::string all = chat.rest();
  EXPECT_EQ(chat.code(), 0);
  EXPECT_NE(all.find("Hello."), std::string::npos) << all;
  EXPECT_NE(all.find("(taken back"), std::string::npos) << all;
  EXPECT_EQ(all.find('\x1b'), std::string::npos) << all;
}

}  // namespace
}  // namespace hearth::testing
