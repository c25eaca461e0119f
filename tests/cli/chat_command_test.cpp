// `hearth chat`: through a pipe, and at a terminal as a person has it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "cli/terminal.h"

namespace hearth::testing {
namespace {

std::string chatty(const ScratchFolder& folder, const std::string& more = "") {
  return folder.write("chatty.json",
                      R"({"hearth_fake": 1, "replies": [{"after": "", "say": "Hello there."}])" + more + "}");
}

TEST(ChatCommand, EachLineOfAPipeIsAMessage) {
  const ScratchFolder folder;
  const std::string session = folder.file("said.json");
  const Ran ran = run_hearth({"chat", chatty(folder), "--session", session}, {.input = "Hi\n\n/again\r\n"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "Hello there.\nHello there.\n");
  EXPECT_NE(ran.err.find("the model has no template"), std::string::npos) << ran.err;
  EXPECT_EQ(nlohmann::json::parse(read_text(session)).at("messages")[2].at("content"), "/again");
  const Ran named = run_hearth({"chat", chatty(folder), "--template", "plain"}, {.input = "Hi\n"});
  EXPECT_EQ(named.err, "");
}

TEST(ChatCommand, MistakesAreNamed) {
  const ScratchFolder folder;
  EXPECT_EQ(run_hearth({"chat"}).code, 2);
  EXPECT_NE(run_hearth({"chat", "/nowhere.gguf"}).err.find("/nowhere.gguf"), std::string::npos);
  EXPECT_NE(run_hearth({"chat", chatty(folder), "--preset", "wild"}).err.find("conversational"), std::string::npos);
  const Ran loaded = run_hearth({"chat", chatty(folder), "--load", folder.write("x.json", "[]")}, {.input = ""});
  EXPECT_NE(loaded.err.find("expected a JSON object with \"messages\""), std::string::npos) << loaded.err;
  const Ran cut = run_hearth({"chat", chatty(folder), "--max-tokens", "5"}, {.input = "Hi\n"});
  EXPECT_EQ(cut.out, "Hello\n");
  EXPECT_NE(cut.err.find("--max-tokens N"), std::string::npos) << cut.err;
}

TEST(ChatCommand, ASessionGoesOnAtTheNextStart) {
  const ScratchFolder folder;
  const std::string session = folder.file("trip.json");
  const std::vector<std::string> words = {"chat", chatty(folder), "--session", session, "--system", "Be kind."};
  EXPECT_EQ(run_hearth(words, {.input = "Hi\n"}).code, 0);
  EXPECT_EQ(run_hearth(words, {.input = "Again\n"}).code, 0);
  const nlohmann::json said = nlohmann::json::parse(read_text(session)).at("messages");
  ASSERT_EQ(said.size(), 5u) << said;
  EXPECT_EQ(said[0].at("content"), "Be kind.");
  EXPECT_EQ(said[3].at("content"), "Again");
}

TEST(ChatCommand, ToolsAreAnsweredAndKeptInTheConversation) {
  const ScratchFolder folder;
  const std::string session = folder.file("talk.json");
  const std::string chat_template = folder.write("template.jinja", kToolTemplate);
  const std::string model = folder.write("caller.json", R"({"hearth_fake": 1, "replies": [
      {"after": "noon;assistant:", "say": "Lunch time."},
      {"after": "", "say": "<tool_call>\n{\"name\": \"clock\", \"arguments\": {}}\n</tool_call>"}]})");
  const std::string tool = folder.write("clock.json", R"({"name": "clock", "command": ["echo", "noon"]})");
  const Ran ran = run_hearth({"chat", model, "--template", chat_template, "--tool", tool, "--session", session},
                             {.input = "What time is it?\n"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "Lunch time.\n");
  EXPECT_NE(ran.err.find("clock({}) -> noon"), std::string::npos) << ran.err;
  EXPECT_EQ(nlohmann::json::parse(read_text(session)).at("messages").size(), 4u);
  const Ran dumb = run_hearth({"chat", model, "--tool", folder.write("t.json", R"({"name": "t"})")}, {.input = ""});
  EXPECT_EQ(dumb.code, 2);
  EXPECT_NE(dumb.err.find("needs a \"command\""), std::string::npos) << dumb.err;
}

TEST(ChatCommand, ATerminalChat) {
  const ScratchFolder folder;
  const std::string saved = folder.file("saved.json");
  Terminal terminal({"chat", chatty(folder)});
  terminal.expect("/help lists what else you can do");
  terminal.expect("> ");
  terminal.type("Hi\r");
  terminal.expect("Hello there.");
  terminal.expect("[13 tokens");
  terminal.type("two\\\rlines\r/undo\r");  // typed ahead
  terminal.expect("Hello there.");
  terminal.expect("(taken back");
  terminal.type("\x1b[A\r");
  terminal.expect("lines");
  terminal.expect("Hello there.");
  terminal.type("/undo\r//etc\r/save\r");
  terminal.expect("Hello there.");
  terminal.expect("/save needs the name of a file");
  terminal.type("/set temprature 1\r");
  terminal.expect("did you mean temperature?");
  terminal.type("/set temperature 0\r/retry\r");
  terminal.expect("(set)");
  terminal.expect("Hello there.");
  terminal.type("/receipt\r");
  terminal.expect(R"("source": "caller")");
  terminal.type("/save " + saved + "\r");
  terminal.expect("(saved to");
  terminal.type("/nonsense\r");
  terminal.expect("there is no command /nonsense");
  terminal.type("\x04");
  EXPECT_EQ(terminal.code(), 0);
  EXPECT_NE(read_text(saved).find(R"("content": "Hello there.")"), std::string::npos);
  EXPECT_NE(read_text(saved).find(R"("content": "/etc")"), std::string::npos);
}

TEST(ChatCommand, CtrlCStopsAnAnswerAndKeepsIt) {
  const ScratchFolder folder;
  Terminal terminal({"chat", chatty(folder, R"(, "delay_per_token_ms": 100)"), "--template", "plain"});
  terminal.expect("> ");
  terminal.type("Hi\r");
  terminal.expect("Hel");
  terminal.type("\x03");
  terminal.expect("(stopped; what was said is kept)");
  terminal.type("/save " + folder.file("saved.json") + "\r");
  terminal.expect("(saved to");
  terminal.type("\x03");
  terminal.expect("(Ctrl-D or /exit ends)");
  terminal.type("/exit\r");
  EXPECT_EQ(terminal.code(), 0);
  EXPECT_NE(read_text(folder.file("saved.json")).find(R"("content": "Hel)"), std::string::npos);
}

TEST(ChatCommand, StoppedBeforeTheFirstWordNothingIsKept) {
  const ScratchFolder folder;
  const std::string saved = folder.file("saved.json");
  Terminal terminal({"chat", chatty(folder, R"(, "delay_per_token_ms": 1000)"), "--template", "plain"});
  terminal.expect("> ");
  terminal.type("Hi\r");
  terminal.expect("\n");
  terminal.wait_for_interrupts();
  terminal.type("\x03");
  terminal.expect("(stopped before the first word; nothing is kept)");
  terminal.type("/save " + saved + "\r/exit\r");
  terminal.expect("(saved to");
  EXPECT_EQ(terminal.code(), 0);
  EXPECT_EQ(nlohmann::json::parse(read_text(saved)).at("messages").size(), 0u);
}

TEST(ChatCommand, AnotherModelGoesOnWithTheConversation) {
  const ScratchFolder folder;
  const std::string a = folder.write("a.json", R"({"hearth_fake": 1, "replies": [{"after": "", "say": "I am A."}]})");
  const std::string b = folder.write("b.json", R"({"hearth_fake": 1, "replies": [
      {"after": "assistant: I am A.;user: Who?;assistant:", "say": "I am B and heard A."}]})");
  Terminal terminal({"chat", a, "--template", folder.write("t.jinja", kToolTemplate), "--lazy", "--keep-alive", "900"});
  terminal.expect("> ");
  terminal.type("/models\r");
  terminal.expect("no model is in memory; the next message loads a.json");
  terminal.type("Hi\r");
  terminal.expect("I am A.");
  terminal.expect("> ");
  terminal.type("/model " + b + "\r");
  terminal.expect("(b.json answers from now on)");
  terminal.type("Who?\r");
  terminal.expect("I am B and heard A.");
  terminal.expect("> ");
  terminal.type("/pin a.json\r/models\r");
  terminal.expect("(stays in memory)");
  terminal.expect("* b.json");
  terminal.expect("  a.json");
  terminal.expect(" s, pinned");
  terminal.type("/model " + folder.file("none.json") + "\r");
  terminal.expect("b.json goes on");
  terminal.type("/model ./no --engine none\r");
  terminal.expect("there is no engine \"none\"");
  terminal.type("/retry\r");
  terminal.expect("I am B and heard A.");
  terminal.type("/unload a.json\r/unload\r/models\r");
  terminal.expect("(unloaded");
  terminal.expect("(unloaded");
  terminal.expect("no model is in memory; the next message loads b.json");
  terminal.type("/retry\r");
  terminal.expect("I am B and heard A.");
  terminal.type("\x04");
  EXPECT_EQ(terminal.code(), 0);
}

TEST(ChatCommand, AModelThatDoesNotLoadIsNamedAndTheChatWaitsForAnother) {
  const ScratchFolder folder;
  const std::string torn = folder.write("torn.json", R"({"hearth_fake": 1, "replies": 7})");
  Terminal terminal({"chat", torn, "--template", "plain"});
  terminal.expect("> ");
  terminal.type("Hi\r");
  terminal.expect("hearth: ");
  terminal.expect("torn.json");
  terminal.type("/model " + chatty(folder) + "\r");
  terminal.expect("(chatty.json answers from now on)");
  terminal.type("Hi\r");
  terminal.expect("Hello there.");
  terminal.type("/exit\r");
  EXPECT_EQ(terminal.code(), 0);
}

TEST(ChatCommand, AWindowThatIsClosedEndsTheChatInItsOwnTime) {
  const ScratchFolder folder;
  Terminal terminal({"chat", chatty(folder)});
  terminal.expect("> ");
  terminal.hang_up();
  EXPECT_GE(terminal.code(), 0) << "no signal ended it";
}

TEST(ChatCommand, WhereThereIsRoomForOneTheOldOneGoesAndComesBack) {
  for (const std::string& path : {stories(), golden("bert/model.gguf")})
    if (const auto why = missing(path)) GTEST_SKIP() << *why;
  const ScratchFolder folder;
  const std::string two = folder.file("two.gguf"), bert = golden("bert/model.gguf"), library = folder.file("library");
  std::filesystem::copy_file(stories(), two);
  const RunOptions shelf{.environment = {"HEARTH_HOME=" + library, "HEARTH_CACHE=off"}};
  ASSERT_EQ(run_hearth({"import", stories(), "--name", "tale"}, shelf).code, 0);
  Terminal terminal({"chat", "tale", "--template", "plain", "--max-tokens", "4", "--cache", "off", "--models-mib", "5"},
                    library);
  terminal.expect("tale");
  terminal.expect("> ");
  terminal.type("Hi\r");
  terminal.expect("[4 tokens");
  terminal.type("/model " + two + "\r");
  terminal.expect("(tale left memory)");
  terminal.expect("(two.gguf answers from now on)");
  terminal.type("Hi\r");
  terminal.expect("[4 tokens");
  terminal.type("/models\r");
  terminal.expect("* two.gguf");
  terminal.expect("of 5.00 MiB");
  terminal.type("/model " + bert + "\r");  // reads texts, answers none
  terminal.expect("two.gguf goes on");
  terminal.type("/model tale of another\r");
  terminal.expect("two.gguf goes on");
  terminal.type("/model tale\r");
  terminal.expect("(tale answers from now on)");
  terminal.type("/model " + two + "\r");
  terminal.expect("(two.gguf answers from now on)");
  terminal.type("Hi\r");
  terminal.expect("[4 tokens");
  terminal.type("/model " + folder.write("torn.gguf", read_text(stories()).substr(0, 500'000)) + "\r");
  terminal.expect("two.gguf goes on");
  terminal.type("Hi\r");
  terminal.expect("[4 tokens");
  terminal.type("\x04");
  EXPECT_EQ(terminal.code(), 0);
}

}  // namespace
}  // namespace hearth::testing
