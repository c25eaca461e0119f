// One test per published fault of GGUF readers: the file that broke others is refused here with a reason.
#include <gtest/gtest.h>

#include "file/counted_allocations.h"
#include "file/gguf/file.h"
#include "file/gguf_bytes.h"
#include "file/temporary_folder.h"
#include "file/thread_clock.h"
#include "running_time.h"

namespace hearth::gguf {
namespace {

namespace fs = std::filesystem;
using testing::AllocationPeak;
using testing::GgufBytes;
using testing::TemporaryFolder;

// Through a real file, as every loader goes: main model, draft, adapter, projector.
std::string refusal(const GgufBytes& b) {
  const TemporaryFolder folder;
  const fs::path path = folder.write("hostile.gguf", b.str());
  AllocationPeak::reset();
  const auto model = open_model_file(path);
  EXPECT_LT(AllocationPeak::bytes(), 1u << 20);
  return model ? "" : model.error().message;
}

void expect_mentions(const std::string& message, const std::string& part) {
  EXPECT_NE(message.find(part), std::string::npos) << "'" << message << "' should mention '" << part << "'";
}

constexpr std::uint64_t kHuge[] = {1ull << 31, 1ull << 32, 1ull << 60, 1ull << 61, 1ull << 63, ~0ull, ~0ull / 33 + 1};

// ggml pull request 709; CVE-2024-21802, -21825, -21836, -23496, -23605.
TEST(GgufSecurity, CountsThatWrapWhenMultiplied) {
  for (const std::uint64_t n : kHuge) {
    expect_mentions(refusal(GgufBytes().counts(0, n).zeros(64)), "metadata count at byte 16");
    expect_mentions(refusal(GgufBytes().counts(n, 0).zeros(64)), "tensor count at byte 8");
    for (const std::uint32_t type : {0u, 4u, 8u, 12u}) {
      expect_mentions(refusal(GgufBytes().counts(0, 1).string("k").u32(9).u32(type).u64(n).zeros(64)),
                      "array count at byte 41");
    }
    expect_mentions(refusal(GgufBytes().counts(0, 1).u64(n).zeros(64)), "key length at byte 24");
    expect_mentions(refusal(GgufBytes().counts(0, 1).string("k").u32(8).u64(n).zeros(64)), "string length at byte 37");
    expect_mentions(refusal(GgufBytes().counts(1, 0).u64(n).zeros(64)), "name length at byte 24");
  }
}

TEST(GgufSecurity, TypeNumbersOutsideTheTables) {
  for (const std::uint32_t type : {13u, 255u, 1u << 31, ~0u}) {
    expect_mentions(refusal(GgufBytes().counts(0, 1).string("k").u32(type).zeros(64)), "value type at byte 33");
    expect_mentions(refusal(GgufBytes().counts(0, 1).string("k").u32(9).u32(type).u64(1).zeros(64)),
                    "array element type at byte 37");
  }
  for (const std::uint32_t type : {4u, 31u, 36u, 1000u, 1u << 31, ~0u}) {
    expect_mentions(refusal(GgufBytes().counts(1, 0).tensor("t", {32}, type, 0).pad().zeros(64)),
                    "element type at byte 45");
  }
}

// Also antirez/gguf-tools issue 25: more dimensions than the array has room for.
TEST(GgufSecurity, TooManyDimensions) {
  for (const std::uint32_t n_dims : {0u, 5u, 8u, 9u, 1u << 31, ~0u}) {
    GgufBytes b;
    b.counts(1, 0).string("t").u32(n_dims);
    for (int i = 0; i < 16; ++i) b.u64(1);
    expect_mentions(refusal(b.u32(0).u64(0).pad().zeros(64)), "number of dimensions at byte 33");
  }
}

// llama.cpp pull request 14595, CVE-2025-53630; 19856, CVE-2026-27940; CVE-2026-33298.
TEST(GgufSecurity, SumsOfTensorSizesThatWrap) {
  const std::uint64_t half = 1ull << 61;  // x 4 bytes = 2^63
  GgufBytes sums;
  sums.counts(3, 0).tensor("a", {half}, 0, 0).tensor("b", {half}, 0, 1ull << 63).tensor("c", {8}, 0, 0);
  expect_mentions(refusal(sums.pad().zeros(64)), "dimensions at byte");
  GgufBytes padding;  // size + alignment - 1 wraps
  padding.counts(1, 0).tensor("a", {~0ull - 8}, 24, 0);
  expect_mentions(refusal(padding.pad().zeros(64)), "dimensions at byte");
  GgufBytes offset;  // offset + size wraps to something small
  offset.counts(1, 0).tensor("a", {16}, 0, ~0ull - 63 + 32);
  expect_mentions(refusal(offset.pad().zeros(64)), "offset at byte");
}

// llama.cpp pull request 18674: rows x stride.
TEST(GgufSecurity, RowsTimesStrideThatWraps) {
  for (const std::uint64_t n_rows : {(1ull << 42) + 1, 1ull << 62, ~0ull}) {
    GgufBytes b;
    b.counts(1, 0).tensor("a", {1u << 20, n_rows}, 0, 0);
    expect_mentions(refusal(b.pad().zeros(64)), "dimensions at byte 37");
  }
}

// llama.cpp pull request 19919: the checks of arrays must not make loading slow.
TEST(GgufSecurity, ArrayChecksAreCheap) {
  GgufBytes b;
  b.counts(0, 1).strings("tokenizer.ggml.merges", std::vector<std::string>(1'000'000, "ab cd"));
  const double start = testing::thread_seconds();
  const auto header = parse_gguf(b.bytes(), b.size());
  const double seconds = testing::thread_seconds() - start;
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_LT(seconds, testing::time_limit(0.1)) << "a million strings";
}

// llama.cpp pull request 26690, issues 20735 and 24888: arrays of another type or length than the tokens.
TEST(GgufSecurity, TokenizerArraysOfTheWrongTypeOrLength) {
  const TemporaryFolder folder;
  GgufBytes b;
  b.counts(0, 3).array<std::uint8_t>("scores", 0, {1, 2, 3}).array<float>("types", 6, {1, 2, 3});
  b.array<float>("short", 6, {1, 2});
  const auto model = open_model_file(folder.write("m.gguf", b.str()));
  ASSERT_TRUE(model);
  const auto scores = (*model)->require_array<float>("scores", 3);
  ASSERT_FALSE(scores);
  expect_mentions(scores.error().message, "'scores'");
  const auto types = (*model)->require_array<std::int32_t>("types", 3);
  ASSERT_FALSE(types);
  expect_mentions(types.error().message, "expected array of 3 i32");
  const auto shorter = (*model)->require_array<float>("short", 3);
  ASSERT_FALSE(shorter);
  expect_mentions(shorter.error().message, "found array of 2 f32");
}

// llama.cpp pull request 26318, GHSA-96jg-mvhq-q7q7, ggml pull request 1516.
TEST(GgufSecurity, AlignmentOfAnyTypeAndSize) {
  for (const std::uint64_t n : {0ull, 3ull, 24ull, 1ull << 31, 1ull << 63, ~0ull}) {
    GgufBytes b;
    b.counts(1, 1).scalar<std::uint64_t>("general.alignment", 10, n).tensor("a", {8}, 0, 0);
    expect_mentions(refusal(b.pad().zeros(64)), "general.alignment");
  }
  expect_mentions(refusal(GgufBytes().counts(0, 1).text("general.alignment", "32")), "found string");
  expect_mentions(refusal(GgufBytes().counts(0, 1).scalar<std::int32_t>("general.alignment", 5, -32)), "-32");
  expect_mentions(refusal(GgufBytes().counts(0, 1).scalar<float>("general.alignment", 6, 32.f)), "found f32");
  expect_mentions(refusal(GgufBytes().counts(0, 1).array<std::uint32_t>("general.alignment", 4, {32})),
                  "found array of 1 u32");
}

// The same advisories: a claim of a gigabyte, in a file that really is that large (sparse).
TEST(GgufSecurity, StringsOfAGigabyteInAFileThatLarge) {
  const TemporaryFolder folder;
  for (const bool in_array : {false, true}) {
    GgufBytes b;
    b.counts(0, 1).string("k");
    if (in_array) b.u32(9).u32(8).u64(1);
    if (!in_array) b.u32(8);
    b.u64(1u << 30);
    const fs::path path = folder.write("large.gguf", b.str());
    fs::resize_file(path, 2ull << 30);
    AllocationPeak::reset();
    const auto model = open_model_file(path);
    ASSERT_FALSE(model);
    expect_mentions(model.error().message, "string length at byte");
    EXPECT_LT(AllocationPeak::bytes(), 1u << 20);
  }
}

// Ollama CVE-2026-7482, CVE-2026-5757: data outside the file was read, and left the house in an upload.
TEST(GgufSecurity, TensorsThatReachBeyondTheFile) {
  for (const std::uint64_t offset : {32ull, 64ull, 1ull << 40, ~0ull - 31}) {
    GgufBytes b;
    b.counts(1, 0).tensor("a", {16}, 0, offset);
    expect_mentions(refusal(b.pad().zeros(64)), "offset at byte 49");
  }
  GgufBytes larger;
  larger.counts(1, 0).tensor("a", {17}, 0, 0);
  expect_mentions(refusal(larger.pad().zeros(64)), "reach beyond the file");
}

// The same class, later: the file shrinks after it was opened. A read is an error, not a signal and not old memory.
TEST(GgufSecurity, FilesTruncatedWhileOpen) {
  const TemporaryFolder folder;
  GgufBytes b;
  b.counts(1, 0).tensor("a", {1024}, 0, 0).pad().zeros(4096);
  const fs::path path = folder.write("m.gguf", b.str());
  const auto model = open_model_file(path);
  ASSERT_TRUE(model);
  fs::resize_file(path, b.size() - 100);
  std::vector<std::byte> out(4096);
  const Status read = (*model)->read_tensor((*model)->tensors()[0], out);
  ASSERT_FALSE(read);
  expect_mentions(read.error().message, "tensor 'a'");
}

// llama.cpp issue 24263: a division by a dimension of 0, an assertion on an empty key.
TEST(GgufSecurity, ZeroDimensionsAndEmptyNames) {
  for (int zero = 0; zero < 4; ++zero) {
    std::vector<std::uint64_t> dims(4, 32);
    dims[static_cast<std::size_t>(zero)] = 0;
    expect_mentions(refusal(GgufBytes().counts(1, 0).tensor("t", dims, 0, 0).pad().zeros(64)), "dimension at byte");
  }
  expect_mentions(refusal(GgufBytes().counts(0, 1).text("", "x")), "the key is empty");
  expect_mentions(refusal(GgufBytes().counts(1, 0).tensor("", {8}, 0, 0).pad().zeros(64)), "the name is empty");
}

// Ollama issue 17042, CVE-2025-0315, CVE-2025-0317, CVE-2024-8063: allocation from the header. A KiB never costs a MiB.
TEST(GgufSecurity, SmallFilesAllocateLittle) {
  for (const std::uint64_t n : {100ull, 900ull, 1000ull, 1ull << 20, 1ull << 28}) {
    for (const std::uint32_t type : {0u, 6u, 8u, 12u}) {
      (void)refusal(GgufBytes().counts(0, 1).string("k").u32(9).u32(type).u64(n).zeros(1000 - 44));
    }
    (void)refusal(GgufBytes().counts(n / 33, n / 14).zeros(1000 - 24));
  }
}

}  // namespace
}  // namespace hearth::gguf
