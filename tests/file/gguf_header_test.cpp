// GGUF headers: every value type, typed access, tensor directory, partial bytes.
#include "file/gguf/header.h"

#include <gtest/gtest.h>

#include <cmath>

#include "file/gguf_bytes.h"

namespace hearth::gguf {
namespace {

using testing::GgufBytes;

GgufBytes all_types(std::uint32_t version = 3) {
  GgufBytes b(version);
  b.counts(0, 14);
  b.scalar<std::uint8_t>("u8", 0, 200).scalar<std::int8_t>("i8", 1, -5).scalar<std::uint16_t>("u16", 2, 65000);
  b.scalar<std::int16_t>("i16", 3, -300).scalar<std::uint32_t>("u32", 4, 4000000000u);
  b.scalar<std::int32_t>("i32", 5, -70000).scalar<float>("f32", 6, 0.1f).scalar<std::uint8_t>("bool", 7, 1);
  b.text("string", "hearth").scalar<std::uint64_t>("u64", 10, ~0ull).scalar<std::int64_t>("i64", 11, -1);
  b.scalar<double>("f64", 12, 1e300).array<std::int16_t>("array", 3, {1, -2, 3});
  std::vector<std::string> words;
  for (int i = 0; i < 100; ++i) words.push_back(std::string(i % 7, 'a') + std::to_string(i));
  return b.strings("strings", words);
}

template <typename T>
Result<T> require(const Header& header, std::string_view key) {
  return convert_value<T>(key, *header.find_metadata(key));
}

TEST(GgufHeader, ReadsEveryValueType) {
  for (std::uint32_t version : {2u, 3u}) {
    const auto b = all_types(version);
    const auto header = parse_gguf(b.bytes(), b.size());
    ASSERT_TRUE(header) << header.error().message;
    EXPECT_EQ(header->version(), version);
    EXPECT_EQ(header->header_bytes(), b.size());
    EXPECT_EQ(header->n_metadata(), 14u);
    EXPECT_EQ(require<std::uint8_t>(*header, "u8"), 200);
    EXPECT_EQ(require<int>(*header, "i8"), -5);
    EXPECT_EQ(require<std::int64_t>(*header, "u16"), 65000);
    EXPECT_EQ(require<int>(*header, "i16"), -300);
    EXPECT_EQ(require<std::uint32_t>(*header, "u32"), 4000000000u);
    EXPECT_EQ(require<int>(*header, "i32"), -70000);
    EXPECT_EQ(require<float>(*header, "f32"), 0.1f);
    EXPECT_EQ(require<bool>(*header, "bool"), true);
    EXPECT_EQ(require<std::string_view>(*header, "string"), "hearth");
    EXPECT_EQ(require<std::uint64_t>(*header, "u64"), ~0ull);
    EXPECT_EQ(require<std::int64_t>(*header, "i64"), -1);
    EXPECT_EQ(require<double>(*header, "f64"), 1e300);
    const auto array = convert_array<int>("array", *header->find_metadata("array"), 3);
    ASSERT_TRUE(array) << array.error().message;
    EXPECT_EQ(*array, (std::vector{1, -2, 3}));
  }
}

TEST(GgufHeader, StringArraysWalkAndIndexAlike) {
  const auto b = all_types();
  const auto header = parse_gguf(b.bytes(), b.size());
  ASSERT_TRUE(header);
  const auto words = convert_strings("strings", *header->find_metadata("strings"), 100);
  ASSERT_TRUE(words) << words.error().message;
  std::size_t i = 0;
  for (const std::string_view word : *words) {
    EXPECT_EQ(word, std::string(i % 7, 'a') + std::to_string(i));
    EXPECT_EQ((*words)[i], word);
    ++i;
  }
  EXPECT_EQ(i, 100u);
  EXPECT_FALSE(convert_strings("strings", *header->find_metadata("strings"), 99));
  EXPECT_FALSE(convert_strings("array", *header->find_metadata("array")));
}

TEST(GgufHeader, TypedAccessNeverGuesses) {
  const auto b = all_types();
  const auto header = parse_gguf(b.bytes(), b.size());
  ASSERT_TRUE(header);
  const auto narrow = require<std::uint8_t>(*header, "u16");
  ASSERT_FALSE(narrow);
  EXPECT_NE(narrow.error().message.find("65000 does not fit into u8"), std::string::npos) << narrow.error().message;
  EXPECT_FALSE(require<std::uint32_t>(*header, "i8"));
  EXPECT_FALSE(require<std::int64_t>(*header, "u64"));
  const auto from_float = require<std::uint32_t>(*header, "f32");
  ASSERT_FALSE(from_float);
  EXPECT_NE(from_float.error().message.find("'f32'"), std::string::npos);
  EXPECT_NE(from_float.error().message.find("expected u32, found f32"), std::string::npos)
      << from_float.error().message;
  EXPECT_NE(from_float.error().message.find("byte "), std::string::npos);
  EXPECT_FALSE(require<float>(*header, "u8"));
  EXPECT_FALSE(require<bool>(*header, "u8"));
  EXPECT_FALSE(require<std::uint8_t>(*header, "bool"));
  EXPECT_FALSE(require<std::string_view>(*header, "u8"));
  EXPECT_FALSE(require<std::string_view>(*header, "strings"));
  EXPECT_FALSE(require<float>(*header, "f64")) << "1e300 is no float";
  EXPECT_EQ(require<double>(*header, "f32"), static_cast<double>(0.1f));
  const auto floats = convert_array<float>("array", *header->find_metadata("array"));
  ASSERT_FALSE(floats);
  EXPECT_NE(floats.error().message.find("array of 3 i16"), std::string::npos) << floats.error().message;
  const auto longer = convert_array<int>("array", *header->find_metadata("array"), 4);
  ASSERT_FALSE(longer);
  EXPECT_NE(longer.error().message.find("expected array of 4 i32, found array of 3 i16"), std::string::npos)
      << longer.error().message;
  const auto unsigned_elements = convert_array<std::uint32_t>("array", *header->find_metadata("array"));
  ASSERT_FALSE(unsigned_elements);
  EXPECT_NE(unsigned_elements.error().message.find("-2 does not fit into u32"), std::string::npos);
}

TEST(GgufHeader, PlacesTensors) {
  GgufBytes b;
  b.counts(2, 1).scalar<std::uint32_t>("general.alignment", 4, 64);
  b.tensor("a", {32, 3}, 8, 0).tensor("b", {4}, 0, 128).pad(64);
  const std::size_t data = b.size();
  b.zeros(128 + 16);
  const auto header = parse_gguf(b.bytes(), b.size());
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(header->data_offset(), data);
  ASSERT_EQ(header->tensors().size(), 2u);
  const TensorInfo& a = header->tensors()[0];
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.dtype, DType::kQ8_0);
  EXPECT_EQ(a.n_dims, 2u);
  EXPECT_EQ(a.size_bytes, 3u * 34);
  EXPECT_EQ(a.n_rows(), 3u);
  EXPECT_EQ(a.offset, data);
  EXPECT_EQ(header->tensors()[1].offset, data + 128);
}

TEST(GgufHeader, AcceptsEveryElementType) {
  for (const DTypeInfo& dtype : all_dtypes()) {
    GgufBytes b;
    b.counts(1, 0).tensor("t", {dtype.block_len, 2}, static_cast<std::uint32_t>(dtype.type), 0).pad();
    b.zeros(2 * dtype.block_bytes);
    const auto header = parse_gguf(b.bytes(), b.size());
    ASSERT_TRUE(header) << dtype.name << ": " << header.error().message;
    EXPECT_EQ(header->tensors()[0].size_bytes, 2 * dtype.block_bytes);
    if (dtype.block_len == 1) continue;
    GgufBytes odd;
    odd.counts(1, 0).tensor("t", {dtype.block_len + 1}, static_cast<std::uint32_t>(dtype.type), 0).pad().zeros(4096);
    EXPECT_FALSE(parse_gguf(odd.bytes(), odd.size())) << dtype.name;
  }
}

TEST(GgufHeader, AsksForMoreBytesOfAPrefix) {
  const auto b = all_types();
  std::uint64_t have = 0;
  int rounds = 0;
  while (true) {
    const auto step = parse_gguf_prefix(b.bytes().first(have), b.size());
    ASSERT_TRUE(step) << step.error().message;
    if (std::holds_alternative<Header>(*step)) break;
    const std::uint64_t wanted = std::get<NeedMoreBytes>(*step).n_bytes;
    ASSERT_GT(wanted, have);
    ASSERT_LE(wanted, b.size());
    have = wanted;
    ++rounds;
  }
  EXPECT_GT(rounds, 20);
  EXPECT_EQ(have, b.size());
}

TEST(GgufHeader, RefusesOtherFormatsWithASentence) {
  const auto message = [](const GgufBytes& b) { return parse_gguf(b.bytes(), b.size()).error().message; };
  GgufBytes big(0x03000000);
  EXPECT_NE(message(big.counts(0, 0)).find("big-endian"), std::string::npos);
  EXPECT_NE(message(GgufBytes(1).counts(0, 0)).find("expected 2 or 3, found 1"), std::string::npos);
  EXPECT_NE(message(GgufBytes(4).counts(0, 0)).find("found 4"), std::string::npos);
  const std::string other = "PK\x03\x04 and more of an archive";
  const auto foreign = parse_gguf(testing::bytes_of(other), other.size());
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, ErrorCode::kUnsupportedFormat);
  EXPECT_NE(foreign.error().message.find("expected 'GGUF'"), std::string::npos);
  GgufBytes nested;
  nested.counts(0, 1).string("k").u32(9).u32(9).u64(1).u32(0).u64(0);
  EXPECT_NE(message(nested).find("arrays of arrays"), std::string::npos);
}

TEST(GgufHeader, MessagesNameFieldAndByteAndStayPrintable) {
  GgufBytes b;
  b.counts(0, 1).text("bad\x1b[31mkey\n", "");
  std::string file = b.str();
  const std::uint64_t lie = 1000;
  std::memcpy(file.data() + file.size() - 8, &lie, 8);
  const auto header = parse_gguf(testing::bytes_of(file), file.size());
  ASSERT_FALSE(header);
  EXPECT_EQ(header.error().code, ErrorCode::kCorruptedModel);
  const std::string& message = header.error().message;
  EXPECT_NE(message.find("metadata entry 0"), std::string::npos) << message;
  EXPECT_NE(message.find("string length at byte " + std::to_string(file.size() - 8)), std::string::npos) << message;
  for (const char c : message) EXPECT_GE(c, ' ') << message;
}

}  // namespace
}  // namespace hearth::gguf
