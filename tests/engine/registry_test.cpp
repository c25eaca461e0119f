// The registry picks an engine by a file's bytes, obeys a name, and explains what it cannot open.
#include "engine/registry.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "data_path.h"

namespace hearth {
namespace {

class Registry : public ::testing::Test {
 protected:
  std::string write(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary) << bytes;
    return path_.string();
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  std::filesystem::path path_ =
      std::filesystem::temp_directory_path() /
      (std::string("hearth-registry-") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(Registry, EnginesDescribeThemselves) {
  for (const Engine& engine : all_engines()) {
    EXPECT_FALSE(engine.name.empty());
    EXPECT_FALSE(engine.version.empty());
    EXPECT_FALSE(engine.summary.empty());
    EXPECT_FALSE(engine.formats.empty());
    EXPECT_TRUE(engine.not_ready().empty());
  }
}

TEST_F(Registry, TheBytesDecide) {
  EXPECT_EQ((*choose_engine(write("GGUF\x03"), {}))->name, "native");
  EXPECT_EQ((*choose_engine(write("  {\n \"hearth_fake\": 1}"), {}))->name, "fake");
  EXPECT_EQ((*choose_engine(write("GGUF\x03"), "fake"))->name, "fake") << "a name overrules";
  EXPECT_EQ((*choose_engine("/nowhere/at/all", "native"))->name, "native");
}

TEST_F(Registry, ForeignFilesAreNamed) {
  const auto message = [&](const std::string& bytes) {
    const auto engine = choose_engine(write(bytes), {});
    EXPECT_FALSE(engine);
    return engine ? std::string() : engine.error().message;
  };
  using std::string_literals::operator""s;
  EXPECT_NE(message("").find("empty"), std::string::npos);
  EXPECT_NE(message("PK\x03\x04").find("PyTorch"), std::string::npos);
  EXPECT_NE(message("\x10\x01\0\0\0\0\0\0{\"a\""s).find("safetensors"), std::string::npos);
  EXPECT_NE(message(std::string(64, '\0')).find("zeros"), std::string::npos);
  EXPECT_NE(message("what").find("77 68 61 74"), std::string::npos);
  EXPECT_NE(message("what").find("GGUF (native)"), std::string::npos);
  EXPECT_FALSE(choose_engine("/nowhere/at/all", {}));
  const auto unknown = choose_engine(write("GGUF"), "steam");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("native, fake"), std::string::npos);
}

TEST_F(Registry, OpensModelsAndVocabularies) {
  const auto path = testing::data_path("weights/stories260K/stories260K.gguf");
  if (const auto why = testing::missing(path)) GTEST_SKIP() << *why;
  const auto model = open_model(path, {.n_threads = 1});
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ((*model)->info().engine, "native");
  ASSERT_NE((*model)->vocabulary(), nullptr);
  EXPECT_TRUE((*model)->capabilities().token_bytes);
  const auto vocabulary = open_vocabulary(path);
  ASSERT_TRUE(vocabulary) << vocabulary.error().message;
  EXPECT_EQ((*vocabulary)->encode("Once upon a time", {}), (*model)->vocabulary()->encode("Once upon a time", {}));
  const auto vocab_only = testing::data_path("tokenizer/ggml-vocab/ggml-vocab-bert-bge.gguf");
  if (!testing::missing(vocab_only)) {
    EXPECT_TRUE(open_vocabulary(vocab_only));
  }
}

}  // namespace
}  // namespace hearth
