// The numeric recipe in one number per model: checksums of our own logits, the same on every instruction set, compiler
// and platform. A difference means that results changed: either a mistake, or a new recipe with a new id
// (docs/numerics.md). After such a decision run with HEARTH_UPDATE_BITS=1 to write tests/data/recipe_bits.json anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/hash.h"
#include "golden/golden.h"

namespace hearth {
namespace {

TEST(RecipeBits, LogitsAreTheSameEverywhere) {
  const auto path = std::filesystem::path(HEARTH_SOURCE_DIR) / "tests/data/recipe_bits.json";
  const bool update = std::getenv("HEARTH_UPDATE_BITS") != nullptr;
  nlohmann::json sums = update ? nlohmann::json::object() : nlohmann::json::parse(testing::read_text(path));
  if (!update) {
    ASSERT_EQ(sums["recipe"], kernels::kRecipeId);
  }
  std::size_t n_compared = 0;
  for (const std::string group : {"arch", "quant"}) {
    for (const testing::GoldenCase& golden : testing::golden_cases(group)) {
      const nlohmann::json t = golden.json("tokens.json");
      const Want::Kind kind = t["output"] == "embeddings" ? Want::Kind::kHidden : Want::Kind::kLogits;
      for (const auto& [name, kv, activations] : {std::tuple{"f16", KvStorage::kF16, ActivationPrecision::kFloat},
                                                  {"f32", KvStorage::kF32, ActivationPrecision::kFloat},
                                                  {"q8_0", KvStorage::kQ8_0, ActivationPrecision::kFloat},
                                                  {"f16, recipe 2", KvStorage::kF16, ActivationPrecision::kBf16}}) {
        const auto model =
            native::NativeModel::open(golden.folder / "model.gguf", {.n_threads = 1, .activations = activations});
        ASSERT_TRUE(model) << model.error().message;
        if (activations == ActivationPrecision::kBf16 && (*model)->info().recipe_id == kernels::kRecipeId) continue;
        const auto rows =
            testing::all_rows(**model, t["tokens"].get<std::vector<Token>>(), {.n_ctx = t["n_ctx"], .kv = kv}, kind);
        ASSERT_TRUE(rows) << rows.error().message;
        Hash64 hash;
        hash.add(std::as_bytes(std::span(*rows)));
        char text[17];
        std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash.value()));
        const std::string key = group + "/" + golden.name() + "/" + name;
        if (update) {
          sums[key] = text;
        } else {
          EXPECT_EQ(sums.value(key, "absent"), text) << key;
        }
        ++n_compared;
      }
    }
  }
  if (n_compared == 0) GTEST_SKIP() << *testing::missing(testing::data_path("golden/arch"));
  if (update) {
    sums["recipe"] = kernels::kRecipeId;
    std::ofstream(path) << sums.dump(1) << "\n";
  }
}

}  // namespace
}  // namespace hearth
