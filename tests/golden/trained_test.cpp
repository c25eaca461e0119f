// Really trained models: a nano GPT that sorts letters, compared layer by layer, and stories260K, compared with float64
// arithmetic.
#include <gtest/gtest.h>

#include <unistd.h>

#include "file/gguf/writer.h"
#include "golden/golden.h"

namespace hearth {
namespace {

using testing::data_path;

std::vector<float> decode_base64_floats(const std::string& text) {
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  int n_bits = 0;
  for (const char c : text) {
    const auto value = alphabet.find(c);
    if (value == std::string::npos) break;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if ((n_bits += 6) >= 8) bytes.push_back(static_cast<char>(bits >> (n_bits -= 8) & 255));
  }
  std::vector<float> values(bytes.size() / 4);
  std::memcpy(values.data(), bytes.data(), values.size() * 4);
  return values;
}

/// Writes the nano GPT's JSON as a GGUF of architecture gpt2, tensors renamed as converters do.
void write_nano_gpt(const nlohmann::json& model, const std::filesystem::path& path) {
  const nlohmann::json& config = model["config"];
  gguf::HeaderBuilder builder;
  builder.add_string("general.architecture", "gpt2");
  builder.add_string("tokenizer.ggml.model", "none");
  const auto number = [&](const std::string& key, std::uint32_t value) { builder.add_number("gpt2." + key, value); };
  number("block_count", config["n_layer"]);
  number("context_length", config["block_size"]);
  number("embedding_length", config["n_embd"]);
  number("feed_forward_length", 4 * config["n_embd"].get<std::uint32_t>());
  number("attention.head_count", config["n_head"]);
  builder.add_number("gpt2.attention.layer_norm_epsilon", 1e-5f);
  std::vector<std::pair<std::string, std::string>> names = {{"transformer.wte.weight", "token_embd.weight"},
                                                            {"transformer.wpe.weight", "position_embd.weight"},
                                                            {"transformer.ln_f.weight", "output_norm.weight"},
                                                            {"transformer.ln_f.bias", "output_norm.bias"},
                                                            {"lm_head.weight", "output.weight"}};
  const std::pair<std::string, std::string> parts[] = {{"ln_1", "attn_norm"},          {"attn.c_attn", "attn_qkv"},
                                                       {"attn.c_proj", "attn_output"}, {"ln_2", "ffn_norm"},
                                                       {"mlp.c_fc", "ffn_up"},         {"mlp.c_proj", "ffn_down"}};
  for (int l = 0; l < config["n_layer"]; ++l) {
    for (const auto& [from, to] : parts) {
      for (const std::string kind : {".weight", ".bias"}) {
        names.emplace_back("transformer.h." + std::to_string(l) + "." + from + kind,
                           "blk." + std::to_string(l) + "." + to + kind);
      }
    }
  }
  for (const auto& [from, to] : names) {
    std::vector<std::uint64_t> dims = model[from]["shape"].get<std::vector<std::uint64_t>>();
    std::ranges::reverse(dims);
    builder.add_tensor(to, DType::kF32, dims);
  }
  auto writer = gguf::Writer::create(path, builder);
  ASSERT_TRUE(writer) << writer.error().message;
  for (const auto& [from, to] : names) {
    const auto values = decode_base64_floats(model[from]["data"]);
    ASSERT_TRUE(writer->write(std::as_bytes(std::span(values))));
  }
  ASSERT_TRUE(writer->finish());
}

TEST(TrainedNanoGpt, EveryLayerMatchesItsPublishedActivations) {
  const auto folder = data_path("weights/llm-viz-nano-gpt");
  if (const auto why = testing::missing(folder)) GTEST_SKIP() << *why;
  const auto partials = nlohmann::json::parse(testing::read_text(folder / "gpt-nano-sort-t0-partials.json"));
  const auto path =
      std::filesystem::temp_directory_path() / ("hearth_nano_gpt_" + std::to_string(::getpid()) + ".gguf");
  write_nano_gpt(nlohmann::json::parse(testing::read_text(folder / "gpt-nano-sort-model.json")), path);
  const auto model = native::NativeModel::open(path, {.n_threads = 1});
  std::filesystem::remove(path);
  ASSERT_TRUE(model) << model.error().message;

  const auto ids = decode_base64_floats(partials["idx"]["data"]);
  const std::size_t n_tokens = partials["idx"]["shape"][1], n_batch = partials["idx"]["shape"][0], dim = 48,
                    n_layers = 3;
  std::vector<std::vector<float>> blocks;
  for (std::size_t l = 0; l < n_layers; ++l)
    blocks.push_back(decode_base64_floats(partials["block" + std::to_string(l)]["data"]));
  const auto logits = decode_base64_floats(partials["lm_head"]["data"]);
  for (std::size_t b = 0; b < n_batch; ++b) {
    const std::vector<Token> tokens(ids.begin() + static_cast<std::ptrdiff_t>(b * n_tokens),
                                    ids.begin() + static_cast<std::ptrdiff_t>((b + 1) * n_tokens));
    double worst = 0;
    std::size_t n_seen = 0;
    EvaluateOptions observe;
    observe.observe_layer = [&](std::size_t layer, std::size_t row, std::span<const float> values) {
      for (std::size_t i = 0; i < dim; ++i) {
        worst = std::max(worst, std::abs(double{values[i]} - double{blocks[layer][(b * n_tokens + row) * dim + i]}));
      }
      ++n_seen;
    };
    const auto rows = testing::all_rows(**model, tokens, {.n_ctx = 11, .kv = KvStorage::kF32}, Want::Kind::kLogits,
                                        SIZE_MAX, observe);
    ASSERT_TRUE(rows) << rows.error().message;
    EXPECT_EQ(n_seen, n_layers * n_tokens);
    // Both sides are float32: sums of up to 192 terms of magnitude a few, 8 products deep: 2^-24 * sqrt(192) * 8 * 4
    // = 2.6e-5.
    EXPECT_LE(worst, 3e-5) << "sequence " << b;
    double worst_logit = 0;
    for (std::size_t i = 0; i < rows->size(); ++i)
      worst_logit = std::max(worst_logit, std::abs(double{(*rows)[i]} - double{logits[b * rows->size() + i]}));
    EXPECT_LE(worst_logit, 6e-5) << "sequence " << b;
  }
}

class TrainedStories : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = data_path("weights/stories260K");
    if (const auto why = testing::missing(folder_)) GTEST_SKIP() << *why;
    auto model = native::NativeModel::open(folder_ / "stories260K.gguf", {.n_threads = 1});
    ASSERT_TRUE(model) << model.error().message;
    model_ = std::move(*model);
  }
  [[nodiscard]] nlohmann::json expected(const std::string& file) const {
    return nlohmann::json::parse(testing::read_text(folder_ / file));
  }
  std::filesystem::path folder_;
  std::unique_ptr<native::NativeModel> model_;
};

TEST_F(TrainedStories, GreedyTokensAreThoseOfFloat64) {
  const auto golden = expected("greedy_expected.json");
  const auto ids = golden["generated_ids"].get<std::vector<Token>>();
  for (const KvStorage kv :
       {KvStorage::kF32, KvStorage::kF16}) {  // Q8_0 keys are lossy: one near tie falls the other way
    const auto tokens =
        testing::greedy(*model_, golden["prompt_ids"].get<std::vector<Token>>(), ids.size(), {.n_ctx = 512, .kv = kv});
    ASSERT_TRUE(tokens) << tokens.error().message;
    EXPECT_EQ(*tokens, ids);
  }
}

TEST_F(TrainedStories, LikelihoodIsThatOfFloat64) {
  for (const auto& [name, golden] : expected("logits_nll_expected.json")["cases"].items()) {
    const auto ids = golden["ids"].get<std::vector<Token>>();
    const auto rows = testing::all_rows(*model_, ids, {.n_ctx = 512, .kv = KvStorage::kF32});
    ASSERT_TRUE(rows) << rows.error().message;
    const std::size_t n = rows->size() / ids.size();
    double nll = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      const float* row = rows->data() + i * n;
      const double max = *std::max_element(row, row + n);
      double sum = 0;
      for (std::size_t t = 0; t < n; ++t) sum += std::exp(row[t] - max);
      nll += max + std::log(sum) - row[ids[i + 1]];
    }
    EXPECT_NEAR(nll / static_cast<double>(ids.size() - 1), golden["mean_nll"].get<double>(), 2e-5) << name;
  }
}

}  // namespace
}  // namespace hearth
