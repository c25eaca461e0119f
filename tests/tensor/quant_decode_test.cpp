// Block formats: sizes, decoded values bit for bit against golden files, and the integer decomposition against both.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <set>
#include <vector>

#include "data_path.h"
#include "tensor/half.h"
#include "tensor/quant/codec.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;

TEST(QuantCodec, TableIsSortedAndConsistent) {
  DType previous{};
  bool first = true;
  for (const QuantCodec& codec : all_codecs()) {
    if (!first) {
      EXPECT_LT(previous, codec.type);
    }
    first = false;
    previous = codec.type;
    EXPECT_EQ(find_codec(codec.type), &codec);
    EXPECT_NE(codec.decode, nullptr);
    const DTypeInfo& info = dtype_info(codec.type);
    const int n_unpack =
        (codec.unpack_codes32 != nullptr) + (codec.unpack_codes64 != nullptr) + (codec.unpack_codes256 != nullptr);
    EXPECT_EQ(n_unpack, info.quantized() ? 1 : 0) << info.name;
    const std::uint32_t form_len = codec.form == CodesForm::k32    ? 32
                                   : codec.form == CodesForm::k64  ? 64
                                   : codec.form == CodesForm::k256 ? 256
                                                                   : 1;
    EXPECT_EQ(info.block_len, form_len) << info.name;
  }
  EXPECT_EQ(find_codec(DType::kI32), nullptr);
}

TEST(QuantCodec, EveryQuantizedTypeHasARow) {
  for (const DTypeInfo& info : all_dtypes()) {
    EXPECT_EQ(find_codec(info.type) != nullptr,
              info.quantized() || info.name == "F32" || info.name == "F16" || info.name == "BF16")
        << info.name;
  }
}

/// One folder per type. The clone carries a copy of the golden suite's, and pairs of our own for the types it lacks
/// (scripts/make_dequant_data.py).
std::vector<fs::path> golden_folders() {
  const fs::path carried = fs::path(HEARTH_SOURCE_DIR) / "tests" / "data";
  std::vector<fs::path> folders;
  for (const fs::path& root :
       {testing::data_path("golden/dequant"), carried / "golden" / "dequant", carried / "dequant"}) {
    if (!fs::exists(root)) continue;
    for (const auto& entry : fs::directory_iterator(root)) folders.push_back(entry.path());
  }
  return folders;
}

TEST(QuantCodec, GoldenFilesBitForBit) {
  std::set<DType> compared = {DType::kF32};
  for (const fs::path& folder : golden_folders()) {
    const DTypeInfo* info = find_dtype(folder.filename().string());
    ASSERT_NE(info, nullptr) << folder;
    const QuantCodec* codec = find_codec(info->type);
    ASSERT_NE(codec, nullptr) << folder;
    for (const char* set : {"random", "real"}) {
      const fs::path blocks_path = folder / (std::string(set) + ".bin");
      if (!fs::exists(blocks_path)) continue;
      const std::string blocks = testing::read_text(blocks_path);
      const auto expected = testing::read_values<float>(folder / (std::string(set) + ".f32"));
      ASSERT_EQ(blocks.size() / info->block_bytes * info->block_len, expected.size()) << folder;
      ASSERT_FALSE(expected.empty()) << folder;
      std::vector<float> decoded(expected.size());
      codec->decode(blocks.data(), decoded.data(), decoded.size());
      for (std::size_t e = 0; e < decoded.size(); ++e) {
        ASSERT_EQ(std::memcmp(&decoded[e], &expected[e], 4), 0)
            << info->name << ' ' << set << " element " << e << ": " << decoded[e] << " expected " << expected[e];
      }
      compared.insert(info->type);
    }
  }
  for (const QuantCodec& codec : all_codecs()) {
    EXPECT_TRUE(compared.contains(codec.type)) << "no golden file for " << dtype_info(codec.type).name;
  }
}

std::vector<double> evaluate_in_double(const QuantCodec& codec, const void* blocks, std::size_t n_blocks) {
  std::vector<double> values;
  if (codec.unpack_codes32) {
    std::vector<Codes32> codes(n_blocks);
    codec.unpack_codes32(blocks, codes.data(), n_blocks);
    for (const Codes32& c : codes)
      for (int e = 0; e < 32; ++e) values.push_back(double{c.d} * c.codes[e] + c.m);
  } else if (codec.unpack_codes64) {
    std::vector<Codes64> codes(n_blocks);
    codec.unpack_codes64(blocks, codes.data(), n_blocks);
    for (const Codes64& c : codes)
      for (int e = 0; e < 64; ++e) values.push_back(double{c.d[e / 16]} * c.codes[e]);
  } else {
    std::vector<Codes256> codes(n_blocks);
    codec.unpack_codes256(blocks, codes.data(), n_blocks);
    for (const Codes256& c : codes)
      for (int e = 0; e < 256; ++e)
        values.push_back(double{c.d} * (c.scale[e / 16] * c.codes[e]) - double{c.dmin} * c.min[e / 16]);
  }
  return values;
}

// With half-precision scales every term fits in 53 bits, so evaluation in double is exact and rounding it once must
// give what decode gives: the decoders round only in their last step.
TEST(QuantCodec, DecompositionEqualsDecode) {
  std::mt19937_64 random(1);
  for (const QuantCodec& codec : all_codecs()) {
    if (codec.form == CodesForm::kNone) continue;
    const DTypeInfo& info = dtype_info(codec.type);
    const std::size_t n_blocks = 500;
    std::vector<std::uint8_t> blocks(n_blocks * info.block_bytes + 1);
    for (auto& byte : blocks) byte = static_cast<std::uint8_t>(random());
    const std::uint8_t* unaligned = blocks.data() + 1;
    std::vector<float> decoded(n_blocks * info.block_len);
    codec.decode(unaligned, decoded.data(), decoded.size());
    const std::vector<double> exact = evaluate_in_double(codec, unaligned, n_blocks);
    ASSERT_EQ(exact.size(), decoded.size());
    for (std::size_t e = 0; e < decoded.size(); ++e) {
      if (std::isnan(decoded[e]) || std::isinf(decoded[e])) continue;
      ASSERT_EQ(static_cast<float>(exact[e]), decoded[e]) << info.name << " element " << e;
    }
  }
}

// Integer dot products in 32 bits: |scale * code * activation| summed over a block must fit, and the declared
// properties must describe what unpack_codes gives.
TEST(QuantCodec, CodesKeepTheirPromises) {
  std::mt19937_64 random(2);
  for (const QuantCodec& codec : all_codecs()) {
    const DTypeInfo& info = dtype_info(codec.type);
    const std::size_t n_blocks = 300;
    std::vector<std::uint8_t> blocks(n_blocks * info.block_bytes);
    for (auto& byte : blocks) byte = static_cast<std::uint8_t>(random());
    if (codec.unpack_codes32) {
      EXPECT_EQ(codec.scale_span, 32);
      std::vector<Codes32> codes(n_blocks);
      codec.unpack_codes32(blocks.data(), codes.data(), n_blocks);
      for (const Codes32& c : codes) EXPECT_TRUE(codec.has_min || c.m == 0.0f) << info.name;
    }
    if (codec.unpack_codes256) {
      std::vector<Codes256> codes(n_blocks);
      codec.unpack_codes256(blocks.data(), codes.data(), n_blocks);
      for (const Codes256& c : codes) {
        std::int64_t sum = 0;
        for (int e = 0; e < 256; ++e) sum += std::abs(c.scale[e / 16] * c.codes[e]) * 128;
        EXPECT_LT(sum, std::int64_t{1} << 31) << info.name;
        for (int group = 0; group < 16; ++group) {
          const int shared = group / (codec.scale_span / 16) * (codec.scale_span / 16);
          EXPECT_EQ(c.scale[group], c.scale[shared]) << info.name;
          EXPECT_EQ(c.min[group], c.min[shared]) << info.name;
          EXPECT_TRUE(codec.has_min || c.min[group] == 0) << info.name;
        }
        EXPECT_TRUE(codec.has_min || c.dmin == 0.0f) << info.name;
      }
    }
  }
}

}  // namespace
}  // namespace hearth
