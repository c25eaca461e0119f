// Folders include only folders of a lower level: read from every #include, against cmake/layers.txt.
#include "layering/layers.h"

#include <gtest/gtest.h>

namespace hearth::testing {
namespace {

Layers house_layers() {
  return parse_layers(read_text(std::filesystem::path(HEARTH_SOURCE_DIR) / "cmake" / "layers.txt"));
}

std::vector<std::string> faults_of(const std::string& path, const std::string& text) {
  return forbidden_includes(house_layers(), {{path, text}});
}

TEST(Layering, EveryIncludeLeadsDownward) {
  const std::vector<SourceFile> files = load_sources({"src", "include", "apps"});
  ASSERT_GT(files.size(), 10u);
  for (const std::string& fault : forbidden_includes(house_layers(), files)) ADD_FAILURE() << fault;
}

TEST(Layering, EveryFolderOfSrcHasALevel) {
  const Layers layers = house_layers();
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(HEARTH_SOURCE_DIR) / "src")) {
    const std::string folder = "src/" + entry.path().filename().string();
    EXPECT_TRUE(layers.contains(folder)) << folder << " is missing in cmake/layers.txt";
  }
}

TEST(Layering, PlantedUpwardEdgeIsFound) {
  EXPECT_EQ(faults_of("src/base/bad.h", "// why\n#include \"models/llama.h\"\n"),
            std::vector<std::string>{"src/base/bad.h:2: src/base [0] includes src/models [4], which is above it"});
  EXPECT_EQ(faults_of("include/hearth/bad.h", "#include \"engine/engine.h\"").size(), 1u);
}

TEST(Layering, PlantedSidewaysEdgeIsFound) {
  EXPECT_EQ(faults_of("src/text/bad.cpp", "  #  include \"file/gguf/reader.h\""),
            std::vector<std::string>{"src/text/bad.cpp:1: src/text [2] includes src/file [2], which is its equal"});
}

TEST(Layering, AngleBracketsAreNoWayAround) {
  EXPECT_EQ(faults_of("src/kernels/bad.cpp", "#include <hearth/../x.h>\n#include <ops/matmul.h>\n").size(), 1u);
  EXPECT_EQ(faults_of("src/base/bad.cpp", "#include <hearth/options.h>\n").size(), 1u);
}

TEST(Layering, RelativeAndUnknownQuotedIncludesAreFound) {
  EXPECT_EQ(faults_of("src/ops/bad.cpp", "#include \"../engine/engine.h\"\n").size(), 1u);
  EXPECT_EQ(faults_of("src/ops/bad.cpp", "#include \"matmul.h\"\n").size(), 1u);
  EXPECT_EQ(faults_of("src/stray/bad.cpp", "").size(), 1u);
}

TEST(Layering, DownwardEdgesAndSystemHeadersPass) {
  EXPECT_TRUE(faults_of("src/models/llama.cpp",
                        "#include <vector>\n#include <fmt/format.h>\n#include \"ops/rope.h\"\n"
                        "#include \"hearth/options.h\"\n#include \"models/config.h\"\n")
                  .empty());
}

}  // namespace
}  // namespace hearth::testing
