// Encoders: errors against those of the format's reference encoder, odd input, and what never may vary.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <vector>

#include "data_path.h"
#include "tensor/half.h"
#include "tensor/quant/codec.h"

namespace hearth {
namespace {

/// Number i of the stream `seed`, uniform in 0..1: the same on every machine (splitmix64).
double uniform(std::uint64_t seed, std::uint64_t i) {
  std::uint64_t z = seed + (i + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return static_cast<double>((z ^ z >> 31) >> 11) * 0x1p-53;
}

double gaussian(std::uint64_t seed, std::uint64_t i) {
  return std::sqrt(-2 * std::log(uniform(seed, 2 * i) + 0x1p-54)) *
         std::cos(2 * std::numbers::pi * uniform(seed, 2 * i + 1));
}

constexpr std::size_t kRowLen = 256;
constexpr std::size_t kRows = 64;

std::vector<float> gaussian_rows() {
  std::vector<float> values(kRows * kRowLen);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(gaussian(1, i));
  return values;
}

std::vector<float> heavy_tailed_rows() {
  std::vector<float> values(kRows * kRowLen);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(gaussian(2, i) * std::exp(0.5 * gaussian(3, i)));
  }
  return values;
}

/// The first 65536 weights of a trained model, or nothing where the data is absent.
std::vector<float> trained_weights() {
  const auto path = testing::data_path("weights/stories260K/stories260K.bin");
  if (testing::missing(path)) return {};
  std::vector<float> file = testing::read_values<float>(path);
  constexpr std::size_t kHeader = 7;
  return {file.begin() + kHeader, file.begin() + kHeader + 65536};
}

std::vector<std::uint8_t> encode(const QuantCodec& codec, const std::vector<float>& values,
                                 const float* importance = nullptr) {
  std::vector<std::uint8_t> blocks(row_bytes(codec.type, values.size()));
  codec.encode(values.data(), importance, blocks.data(), values.size());
  return blocks;
}

std::vector<float> decode(const QuantCodec& codec, const std::vector<std::uint8_t>& blocks) {
  const DTypeInfo& info = dtype_info(codec.type);
  std::vector<float> values(blocks.size() / info.block_bytes * info.block_len);
  codec.decode(blocks.data(), values.data(), values.size());
  return values;
}

/// Root of the weighted squared error over the weighted squares.
double relative_error(const std::vector<float>& values, const std::vector<float>& decoded, const float* weights) {
  double error = 0;
  double total = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double weight = weights ? weights[i] : 1;
    const double difference = double{values[i]} - decoded[i];
    error += weight * difference * difference;
    total += weight * values[i] * values[i];
  }
  return std::sqrt(error / total);
}

double encoding_error(const QuantCodec& codec, const std::vector<float>& values) {
  return relative_error(values, decode(codec, encode(codec, values)), nullptr);
}

// Relative errors of ggml's own encoders (August 2026, no importance) on the same values.
struct Reference {
  DType type;
  double gaussian, heavy_tailed, trained;
};
constexpr Reference kReferences[] = {
    {DType::kQ4_0, 0.08585, 0.11165, 0.08249},   {DType::kQ4_1, 0.07765, 0.09384, 0.07964},
    {DType::kQ5_0, 0.04252, 0.05597, 0.04198},   {DType::kQ5_1, 0.03760, 0.04503, 0.03630},
    {DType::kQ8_0, 0.00536, 0.00707, 0.00523},   {DType::kQ2_K, 0.29350, 0.34746, 0.30940},
    {DType::kQ3_K, 0.15051, 0.18345, 0.14626},   {DType::kQ4_K, 0.07079, 0.08623, 0.07157},
    {DType::kQ5_K, 0.03581, 0.04372, 0.03508},   {DType::kQ6_K, 0.01772, 0.02245, 0.01680},
    {DType::kIQ4_NL, 0.07578, 0.09094, 0.07679}, {DType::kIQ4_XS, 0.07634, 0.09169, 0.07768},
    {DType::kMXFP4, 0.11360, 0.12991, 0.11497},
};

/// Scales of most formats are halves, of which the smallest is 2^-24; these are powers of two as far as floats go.
bool scales_are_powers_of_two(const QuantCodec& codec) {
  return codec.type == DType::kMXFP4;
}

TEST(QuantEncode, ErrorsAreNoWorseThanTheReferenceEncoders) {
  const std::vector<float> trained = trained_weights();
  std::printf("relative RMS error, ours / reference\n");
  for (const Reference& reference : kReferences) {
    const QuantCodec& codec = *find_codec(reference.type);
    const std::string name(dtype_info(codec.type).name);
    ASSERT_NE(codec.encode, nullptr) << name;
    const double ours[3] = {encoding_error(codec, gaussian_rows()), encoding_error(codec, heavy_tailed_rows()),
                            trained.empty() ? 0 : encoding_error(codec, trained)};
    const double theirs[3] = {reference.gaussian, reference.heavy_tailed, reference.trained};
    std::printf("%-7s gaussian %.5f / %.5f  heavy-tailed %.5f / %.5f  trained %.5f / %.5f\n", name.c_str(), ours[0],
                theirs[0], ours[1], theirs[1], ours[2], theirs[2]);
    for (int i = 0; i < 3; ++i) EXPECT_LE(ours[i], 1.001 * theirs[i]) << name << " set " << i;
  }
}

TEST(QuantEncode, EveryEncoderIsMeasured) {
  for (const QuantCodec& codec : all_codecs()) {
    const bool listed = std::ranges::find(kReferences, codec.type, &Reference::type) != std::end(kReferences);
    EXPECT_EQ(codec.encode != nullptr, listed || codec.form == CodesForm::kNone) << dtype_info(codec.type).name;
  }
}

TEST(QuantEncode, ImportanceMovesTheErrorAway) {
  const std::vector<float> values = heavy_tailed_rows();
  std::vector<float> importance(values.size());
  for (std::size_t i = 0; i < importance.size(); ++i) {
    importance[i] = static_cast<float>(1e6 * std::exp(gaussian(4, i % kRowLen)));
  }
  for (const Reference& reference : kReferences) {
    if (reference.type == DType::kQ8_0) continue;  // too fine to trade
    const QuantCodec& codec = *find_codec(reference.type);
    const double plain = relative_error(values, decode(codec, encode(codec, values)), importance.data());
    const double weighted =
        relative_error(values, decode(codec, encode(codec, values, importance.data())), importance.data());
    const double bound = scales_are_powers_of_two(codec) ? 1 : 0.98;  // two scales to choose from
    EXPECT_LT(weighted, bound * plain) << dtype_info(codec.type).name;
  }
}

TEST(QuantEncode, BlocksAreIndependentAndRepeatable) {
  const std::vector<float> values = heavy_tailed_rows();
  for (const QuantCodec& codec : all_codecs()) {
    if (!codec.encode) continue;
    const DTypeInfo& info = dtype_info(codec.type);
    const auto whole = encode(codec, values);
    std::vector<std::uint8_t> unaligned(info.block_bytes + 1);
    for (const std::size_t i : {0u, 5u, 63u}) {
      codec.encode(values.data() + i * info.block_len, nullptr, unaligned.data() + 1, info.block_len);
      EXPECT_EQ(std::memcmp(unaligned.data() + 1, whole.data() + i * info.block_bytes, info.block_bytes), 0)
          << info.name;
    }
  }
}

// Files made from the same weights are the same files, whatever compiler built the encoder and whatever CPU ran it.
TEST(QuantEncode, BytesAreTheSameEverywhere) {
  std::vector<float> values(16 * kRowLen);
  std::vector<float> importance(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {  // sums and products only: no math library in the input
    double sum = -2;
    for (std::uint64_t k = 0; k < 4; ++k) sum += uniform(6, 4 * i + k);
    values[i] = static_cast<float>(sum * uniform(7, i / 64));
    importance[i] = static_cast<float>(uniform(8, i % kRowLen));
  }
  constexpr std::pair<DType, std::uint64_t> kChecksums[] = {
      {DType::kQ4_0, 0x1cc9fcba883cdafe},  {DType::kQ4_1, 0xefe8f2a4b423e9ac},   {DType::kQ5_0, 0xaec90380b3f8f576},
      {DType::kQ5_1, 0x6fa2facc9ca2eaf1},  {DType::kQ8_0, 0x73c39bbbf53dd239},   {DType::kQ2_K, 0x5804feb87c82926},
      {DType::kQ3_K, 0x157724f9519baa6a},  {DType::kQ4_K, 0xe3942bca3c9029c3},   {DType::kQ5_K, 0x91c803d1655f7c7b},
      {DType::kQ6_K, 0x3012d3fdb283cc48},  {DType::kIQ4_NL, 0x1f06b8283b59e91f}, {DType::kIQ4_XS, 0x25d862fe0b751e85},
      {DType::kMXFP4, 0x5431a2c37876d874},
  };
  for (const QuantCodec& codec : all_codecs()) {
    if (!codec.encode || codec.form == CodesForm::kNone) continue;
    const auto* known = std::ranges::find(kChecksums, codec.type, &std::pair<DType, std::uint64_t>::first);
    ASSERT_NE(known, std::end(kChecksums)) << dtype_info(codec.type).name;
    std::uint64_t hash = 0xcbf29ce484222325;
    const float* const with_and_without[] = {nullptr, importance.data()};
    for (const float* weights : with_and_without) {
      for (const std::uint8_t byte : encode(codec, values, weights)) hash = (hash ^ byte) * 0x100000001b3;
    }
    EXPECT_EQ(hash, known->second) << dtype_info(codec.type).name << std::hex << " 0x" << hash;
  }
}

TEST(QuantEncode, ZerosStayZero) {
  for (const QuantCodec& codec : all_codecs()) {
    if (!codec.encode) continue;
    for (const float value : decode(codec, encode(codec, std::vector<float>(512, 0.0f)))) EXPECT_EQ(value, 0.0f);
    const std::vector<float> no_importance(512, 0.0f);
    for (const float value : decode(codec, encode(codec, std::vector<float>(512, 1.0f), no_importance.data()))) {
      EXPECT_NEAR(value, 1.0f, 0.01f) << dtype_info(codec.type).name;
    }
  }
}

TEST(QuantEncode, OneSpikeSurvives) {
  for (const QuantCodec& codec : all_codecs()) {
    if (!codec.encode) continue;
    // The widest gap between two numbers of E2M1 is from 4 to 6.
    const float tolerance = scales_are_powers_of_two(codec) ? 0.2f : 0.02f;
    for (const float spike : {3.0f, -3.0f, 1e-3f, -60000.0f}) {
      std::vector<float> values(256, 0.0f);
      values[77] = spike;
      const auto decoded = decode(codec, encode(codec, values));
      for (std::size_t i = 0; i < values.size(); ++i) {
        EXPECT_NEAR(decoded[i], values[i], tolerance * std::fabs(spike)) << dtype_info(codec.type).name << ' ' << i;
      }
    }
  }
}

TEST(QuantEncode, AnySizeOfValuesGivesFiniteBlocks) {
  for (const QuantCodec& codec : all_codecs()) {
    if (!codec.encode || codec.form == CodesForm::kNone) continue;
    for (const double size : {1e-45, 1e-38, 1e-20, 1e-6, 1e4, 1e9, 1e30, 3e38}) {
      std::vector<float> values(256);
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(size * (2 * uniform(5, i) - 1));
      const auto decoded = decode(codec, encode(codec, values));
      for (std::size_t i = 0; i < values.size(); ++i) {
        ASSERT_TRUE(std::isfinite(decoded[i])) << dtype_info(codec.type).name << ' ' << size;
        if (size == 1e4 || (size >= 1e-38 && scales_are_powers_of_two(codec))) {
          ASSERT_NEAR(decoded[i], values[i], 0.4 * size) << dtype_info(codec.type).name;
        } else if (size < 1e-9) {
          ASSERT_EQ(decoded[i], 0.0f);
        }
      }
    }
  }
}

TEST(QuantEncode, NonFiniteInputBreaksNothing) {
  constexpr float kOdd[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity(), std::numeric_limits<float>::max(),
                            std::numeric_limits<float>::denorm_min()};
  for (const QuantCodec& codec : all_codecs()) {
    if (!codec.encode || codec.form == CodesForm::kNone) continue;
    for (const float odd : kOdd) {
      std::vector<float> values(256, 1.0f);
      std::vector<float> importance(256, 1.0f);
      for (const std::size_t i : {0u, 40u, 41u, 255u}) values[i] = importance[255 - i] = odd;
      for (const float value : decode(codec, encode(codec, values, importance.data()))) {
        EXPECT_TRUE(std::isfinite(value)) << dtype_info(codec.type).name << ' ' << odd;
      }
      encode(codec, std::vector<float>(256, odd), std::vector<float>(256, odd).data());
    }
  }
}

TEST(QuantEncode, HalvesRoundTripAndRoundToNearestEven) {
  for (const DType type : {DType::kF16, DType::kBF16}) {
    const QuantCodec& codec = *find_codec(type);
    std::vector<std::uint16_t> all(65536);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
    std::vector<float> values(all.size());
    codec.decode(all.data(), values.data(), all.size());
    std::vector<std::uint16_t> back(all.size());
    codec.encode(values.data(), nullptr, back.data(), all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (std::isnan(values[i])) {
        EXPECT_TRUE(std::isnan(type == DType::kF16 ? f16_to_f32(back[i]) : bf16_to_f32(back[i])));
      } else {
        EXPECT_EQ(back[i], all[i]) << i;
      }
      // Half way to the next number up goes to the even one of the two.
      const auto next = static_cast<std::uint16_t>(i + 1);
      const float upper = type == DType::kF16 ? f16_to_f32(next) : bf16_to_f32(next);
      if (!std::isfinite(values[i]) || !std::isfinite(upper)) continue;
      const auto middle = static_cast<float>((double{values[i]} + upper) / 2);
      if (middle == values[i]) continue;  // below the smallest float
      std::uint16_t rounded;
      codec.encode(&middle, nullptr, &rounded, 1);
      EXPECT_EQ(rounded, all[i] % 2 == 0 ? all[i] : next) << i;
    }
  }
}

}  // namespace
}  // namespace hearth
