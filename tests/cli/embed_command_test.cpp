// `hearth embed`: the vectors of an embedding model, as numbers that read back the same.
#include <gtest/gtest.h>

#include <sstream>

#include <nlohmann/json.hpp>

#include "cli/process.h"

namespace hearth::testing {
namespace {

std::string encoder() {
  return golden("bert/model.gguf");
}

std::vector<float> numbers(const std::string& line) {
  std::istringstream words(line);
  std::vector<float> values;
  for (float value = 0; words >> value;) values.push_back(value);
  return values;
}

TEST(EmbedCommand, OneVectorOfLengthOnePerText) {
  if (const auto why = missing(encoder())) GTEST_SKIP() << *why;
  const Ran one = run_hearth({"embed", encoder(), "hello"});
  ASSERT_EQ(one.code, 0) << one.err;
  const std::vector<float> values = numbers(one.out);
  ASSERT_GT(values.size(), 8u);
  double square = 0;
  for (const float value : values) square += static_cast<double>(value) * value;
  EXPECT_NEAR(square, 1, 1e-5);  // each of some hundred values is rounded once to 24 bits
  EXPECT_EQ(run_hearth({"embed", encoder()}, {.input = "hello\n"}).out, one.out);

  const Ran lines = run_hearth({"embed", encoder(), "--lines", "--json"}, {.input = "hello\nthe \"end\"\n"});
  ASSERT_EQ(lines.code, 0) << lines.err;
  std::istringstream stream(lines.out);
  std::string first, second;
  std::getline(stream, first);
  std::getline(stream, second);
  EXPECT_EQ(nlohmann::json::parse(first).at("embedding").get<std::vector<float>>(), values);
  EXPECT_EQ(nlohmann::json::parse(second).at("text"), "the \"end\"");
}

TEST(EmbedCommand, MistakesAreNamed) {
  const ScratchFolder folder;
  const std::string decoder = folder.write("script.json", R"({"hearth_fake": 1, "replies": []})");
  const Ran wrong = run_hearth({"embed", decoder, "hello"});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_NE(wrong.err.find("no embedding model"), std::string::npos) << wrong.err;
  EXPECT_EQ(run_hearth({"embed", decoder, "hello", "--lines"}).code, 2);
}

}  // namespace
}  // namespace hearth::testing
