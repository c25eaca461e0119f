// hearth constrain: its four exit codes and what it says.
#include <gtest/gtest.h>

#include "cli/process.h"

namespace hearth::testing {
namespace {

TEST(ConstrainCommand, JudgesATextByEachSource) {
  const ScratchFolder folder;
  const std::string schema =
      folder.write("s.json", R"({"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]})");
  const std::string grammar = folder.write("g.gbnf", "root ::= [a-z]+ \"!\"\n");
  const std::string good = folder.write("good.json", R"({"b":1,"a":2})"),
                    bad = folder.write("bad.json", R"({"a":"2"})");
  const std::string word = folder.write("word.txt", "hello!");
  const auto run = [&](const std::vector<std::string>& arguments, int code, const std::string& out) {
    std::vector<std::string> all = {"constrain"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const Ran ran = run_hearth(all);
    EXPECT_EQ(ran.code, code) << ran.err;
    EXPECT_EQ(ran.out, out);
    return ran.err;
  };
  run({"--schema", schema, "--text", good}, 0, "accepted\n");
  run({"--schema", schema, "--text", bad}, 1, "rejected\n");
  run({"--grammar", grammar, "--text", word}, 0, "accepted\n");
  run({"--grammar", grammar, "--text", good}, 1, "rejected\n");
  run({"--regex", "[a-z!]*", "--text", word}, 0, "accepted\n");
  run({"--regex", "", "--text", word}, 1, "rejected\n");
  run({"--schema", schema}, 0, "supported; the shortest text takes 7 bytes\n");

  const std::string odd = folder.write("odd.json", R"({"items":{"not":{}}})");
  EXPECT_NE(run({"--schema", odd, "--text", good}, 3, "").find("\"not\" at /items"), std::string::npos);
  EXPECT_NE(run({"--regex", "(a)\\1"}, 3, "").find("back-reference"), std::string::npos);
  const std::string date = folder.write("date.json", R"({"format":"date"})"),
                    day = folder.write("day", "\"2023-02-29\"");
  run({"--schema", date, "--text", day}, 0, "accepted\n");
  run({"--schema", date, "--text", day, "--assert-formats"}, 1, "rejected\n");

  EXPECT_NE(run({"--regex", "a", "--text", word, "--assert-formats"}, 2, "").find("--schema"), std::string::npos);

  const std::string deep = folder.write("deep.json", std::string(1025, '[') + std::string(1025, ']'));
  EXPECT_NE(run({"--schema", folder.write("any.json", "true"), "--text", deep}, 3, "").find("deeper than 1024"),
            std::string::npos);

  run({}, 2, "");
  run({"--schema", schema, "--regex", "a"}, 2, "");
  run({"--schema", folder.file("nowhere")}, 2, "");
  run({"--schema", good + "x"}, 2, "");
  EXPECT_NE(run({"--grammar", word}, 2, "").find("GBNF"), std::string::npos);
  run({"--schema", schema, "--text", folder.file("nowhere")}, 2, "");
}

}  // namespace
}  // namespace hearth::testing
