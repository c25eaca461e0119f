// Tens of thousands of damaged GGUF files: each is refused with an error that names field and byte, or is valid and can
// be walked; none takes long or much memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <set>

#include "file/counted_allocations.h"
#include "file/gguf/header.h"
#include "file/gguf_bytes.h"
#include "file/gguf_walk.h"
#include "file/thread_clock.h"
#include "running_time.h"

namespace hearth::gguf {
namespace {

using testing::AllocationPeak;
using testing::bytes_of;
using testing::GgufBytes;
using testing::GgufField;
using testing::thread_seconds;
using Wide = unsigned __int128;

std::size_t n_files = 0;

// Each test says how many files it makes: together more than 57,000.
class MakesFiles {
 public:
  explicit MakesFiles(std::size_t n_expected) : n_expected_(n_expected), n_before_(n_files) {}
  ~MakesFiles() {
    EXPECT_GE(n_files - n_before_, n_expected_);
    ::testing::Test::RecordProperty("files", static_cast<int>(n_files - n_before_));
  }

 private:
  std::size_t n_expected_;
  std::size_t n_before_;
};

bool names_field_and_byte(const Error& error) {
  const bool typed = error.code == ErrorCode::kCorruptedModel || error.code == ErrorCode::kUnsupportedFormat;
  const std::size_t at = error.message.find("byte ");
  return typed && at != std::string::npos && at > 5 && std::isdigit(static_cast<unsigned char>(error.message[at + 5]));
}

/// True when the file is valid. `file_size` may claim more than the bytes at hand.
bool check(std::span<const std::byte> bytes, std::uint64_t file_size) {
  ++n_files;
  AllocationPeak::reset();
  const double start = thread_seconds();
  const auto header = parse_gguf(bytes, file_size);
  const double seconds = thread_seconds() - start;
  const std::size_t peak = AllocationPeak::bytes();
  EXPECT_LT(seconds, testing::time_limit(0.1));
  EXPECT_LT(peak, 16 * bytes.size() + (64 << 10)) << "for a file of " << bytes.size() << " bytes";
  if (header) {
    const auto broken = testing::broken_promise(*header);
    EXPECT_FALSE(broken) << *broken;
    return true;
  }
  EXPECT_TRUE(names_field_and_byte(header.error())) << header.error().message;
  return false;
}
bool check(const std::string& file) {
  return check(bytes_of(file), file.size());
}

void put(std::string& file, const GgufField& field, std::uint64_t value) {
  std::memcpy(file.data() + field.offset, &value, field.bytes);
}

// A small valid file that uses every feature.
GgufBytes base_file() {
  GgufBytes b;
  b.counts(5, 17).text("general.architecture", "llama").scalar<std::uint32_t>("general.alignment", 4, 32);
  b.scalar<std::uint8_t>("a.u8", 0, 1).scalar<std::int8_t>("a.i8", 1, -1).scalar<std::uint16_t>("a.u16", 2, 2);
  b.scalar<std::int16_t>("a.i16", 3, -2).scalar<std::int32_t>("a.i32", 5, -3).scalar<float>("a.f32", 6, 1.0f);
  b.scalar<std::uint8_t>("a.bool", 7, 1).scalar<std::uint64_t>("a.u64", 10, 4).scalar<std::int64_t>("a.i64", 11, -4);
  b.scalar<double>("a.f64", 12, 2.0);
  std::vector<std::string> tokens;
  for (int i = 0; i < 20; ++i) tokens.push_back("tok" + std::to_string(i));
  b.strings("tokenizer.ggml.tokens", tokens);
  b.array<float>("tokenizer.ggml.scores", 6, std::vector<float>(20, -1.0f));
  b.array<std::int32_t>("tokenizer.ggml.token_type", 5, std::vector<std::int32_t>(20, 1));
  b.array<std::uint8_t>("flags", 7, {0, 1, 1}).array<std::uint64_t>("empty", 10, {});
  b.tensor("token_embd.weight", {8, 4}, 0, 0).tensor("blk.0.q", {32, 2}, 2, 128).tensor("blk.0.k", {256, 1}, 14, 192);
  b.tensor("norm", {5}, 1, 416).tensor("experts", {4, 2, 3, 2}, 24, 448);
  b.pad().zeros(448 + 48);
  return b;
}

// Values at which size arithmetic goes wrong, for a field of a file with `remaining` bytes behind it.
std::vector<std::uint64_t> boundary_values(std::uint64_t original, std::uint64_t remaining) {
  std::set<std::uint64_t> out = {0,
                                 1,
                                 2,
                                 7,
                                 8,
                                 original - 1,
                                 original + 1,
                                 original * 2,
                                 remaining - 1,
                                 remaining,
                                 remaining + 1,
                                 ~0ull,
                                 ~0ull - 1,
                                 ~0ull - 7,
                                 ~0ull - 31,
                                 ~0ull / 2,
                                 ~0ull / 2 + 1,
                                 ~0ull / 3};
  for (const int bit : {8, 15, 16, 20, 24, 30, 31, 32, 33, 40, 48, 60, 61, 62, 63}) {
    out.insert({(1ull << bit) - 1, 1ull << bit, (1ull << bit) + 1});
  }
  return {out.begin(), out.end()};
}

std::uint64_t field_value(const std::string& file, const GgufField& field) {
  std::uint64_t value = 0;
  std::memcpy(&value, file.data() + field.offset, field.bytes);
  return value;
}

TEST(GgufMalformed, TheBaseFileIsValid) {
  EXPECT_TRUE(check(base_file().str()));
}

TEST(GgufMalformed, TruncatedAtEveryByte) {
  const MakesFiles files(1680);
  const std::string file = base_file().str();
  const std::uint64_t header_bytes = parse_gguf(bytes_of(file), file.size())->header_bytes();
  for (std::size_t n = 0; n < file.size(); ++n) {
    EXPECT_FALSE(check(file.substr(0, n))) << n;
    // The same bytes as the start of the whole file: either enough or a wish for more.
    const auto step = parse_gguf_prefix(bytes_of(file).first(n), file.size());
    ASSERT_TRUE(step) << step.error().message;
    EXPECT_EQ(std::holds_alternative<Header>(*step), n >= header_bytes) << n;
  }
}

TEST(GgufMalformed, EveryFieldAtItsBoundaries) {
  const MakesFiles files(9000);
  const GgufBytes base = base_file();
  for (const GgufField& field : base.fields()) {
    const std::uint64_t original = field_value(base.str(), field);
    for (const std::uint64_t value : boundary_values(original, base.size() - field.offset - field.bytes)) {
      std::string file = base.str();
      put(file, field, value);
      check(file);
    }
  }
}

TEST(GgufMalformed, SeveralFieldsAtOnce) {
  const MakesFiles files(6000);
  const GgufBytes base = base_file();
  std::mt19937_64 random(1);
  for (int round = 0; round < 6000; ++round) {
    std::string file = base.str();
    for (int i = 0; i < 2 + round % 3; ++i) {
      const GgufField& field = base.fields()[random() % base.fields().size()];
      const auto values = boundary_values(field_value(base.str(), field), base.size() - field.offset - field.bytes);
      put(file, field, values[random() % values.size()]);
    }
    check(file);
  }
}

TEST(GgufMalformed, EveryBitFlipped) {
  const MakesFiles files(9360);
  std::string file = base_file().str();
  const std::uint64_t header_bytes = parse_gguf(bytes_of(file), file.size())->header_bytes();
  for (std::size_t i = 0; i < header_bytes; ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      file[i] = static_cast<char>(file[i] ^ (1 << bit));
      check(file);
      file[i] = static_cast<char>(file[i] ^ (1 << bit));
    }
  }
}

// Every key x every type x scalar or array x lengths around the expected one.
TEST(GgufMalformed, TypeConfusionMatrix) {
  const MakesFiles files(2205);
  const auto payload = [](GgufBytes& b, std::uint32_t type, std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) {
      if (type == 8) {
        b.string("x");
      } else if (type < kValueTypeCount && type != 9) {
        b.zeros(value_type_bytes(static_cast<ValueType>(type)));
      } else {
        b.zeros(16);
      }
    }
  };
  for (const char* key : {"general.architecture", "general.alignment", "split.count", "tokenizer.ggml.tokens",
                          "tokenizer.ggml.scores", "tokenizer.ggml.token_type", "llama.block_count"}) {
    for (std::uint32_t type = 0; type < 15; ++type) {
      GgufBytes scalar;
      scalar.counts(0, 1).string(key).u32(type);
      if (type == 9) scalar.u32(4).u64(1);
      payload(scalar, type == 9 ? 4 : type, 1);
      const bool valid = type < kValueTypeCount;
      // Alignment must be an integer and not 0; all these are 0.
      EXPECT_EQ(check(scalar.str()), valid && key != std::string_view("general.alignment")) << key << " " << type;
      for (const std::uint64_t n : {0, 1, 19, 20, 21}) {
        for (const std::int64_t lie : {0, -1, 1, 1000}) {
          GgufBytes array;
          array.counts(0, 1).string(key).u32(9).u32(type).u64(n + static_cast<std::uint64_t>(lie));
          payload(array, type, n);
          const bool accepted = check(array.str());
          if (lie > 0) {
            EXPECT_FALSE(accepted);
          }
          if (lie == 0 && key != std::string_view("general.alignment")) {
            EXPECT_EQ(accepted, valid && type != 9) << key << " " << type << " " << n;
          }
        }
      }
    }
  }
}

struct PlannedTensor {
  std::vector<std::uint64_t> dims;
  const DTypeInfo* dtype;
  std::uint64_t offset;
};

std::string tensor_file(const std::vector<PlannedTensor>& tensors, std::uint64_t& data_offset) {
  GgufBytes b;
  b.counts(tensors.size(), 0);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    b.tensor("t" + std::to_string(i), tensors[i].dims, static_cast<std::uint32_t>(tensors[i].dtype->type),
             tensors[i].offset);
  }
  b.pad();
  data_offset = b.size();
  return b.str();
}

// Validity as 128-bit arithmetic sees it.
bool reference_accepts(const std::vector<PlannedTensor>& tensors, std::uint64_t data_offset, std::uint64_t file_size) {
  struct Range {
    Wide begin, end;
  };
  std::vector<Range> ranges;
  for (const PlannedTensor& t : tensors) {
    Wide size = t.dtype->block_bytes;
    Wide n_elements = 1;  // callers multiply the dimensions, so this must fit too
    for (std::size_t i = 0; i < t.dims.size(); ++i) {
      if (t.dims[i] == 0 || (i == 0 && t.dims[0] % t.dtype->block_len != 0)) return false;
      // Cannot wrap: each factor is below 2^64 and the product is checked to stay below 2^64 (times block_len <= 256).
      size *= i == 0 ? t.dims[0] / t.dtype->block_len : t.dims[i];
      n_elements *= t.dims[i];
      if (size > ~std::uint64_t{0} || n_elements > ~std::uint64_t{0}) return false;
    }
    const Wide begin = Wide(data_offset) + t.offset;
    if (t.offset % 32 != 0 || begin + size > file_size) return false;
    ranges.push_back({begin, begin + size});
  }
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      if (ranges[i].begin < ranges[k].end && ranges[k].begin < ranges[i].end) return false;
    }
  }
  return true;
}

TEST(GgufMalformed, TensorSizesAgreeWithWideArithmetic) {
  const MakesFiles files(24000);
  std::mt19937_64 random(2);
  const auto dim = [&]() -> std::uint64_t {
    const int bits = static_cast<int>(random() % 64);
    const std::uint64_t value = (1ull << bits) + random() % 5 - 2;
    return random() % 3 == 0 ? value / 256 * 256 : value;
  };
  std::size_t n_valid = 0;
  for (int round = 0; round < 6000; ++round) {
    std::vector<PlannedTensor> tensors(1 + random() % 3);
    std::uint64_t next = 0;
    for (PlannedTensor& t : tensors) {
      t.dims.resize(1 + random() % 4);
      for (std::uint64_t& d : t.dims) d = random() % 4 == 0 ? 256 : dim();
      t.dtype = &all_dtypes()[random() % all_dtypes().size()];
      t.offset = random() % 8 == 0 ? random() : next;
      next = random() % 2 == 0 ? dim() / 32 * 32 : next + 8192;
    }
    std::uint64_t data_offset = 0;
    const std::string file = tensor_file(tensors, data_offset);
    for (const std::uint64_t file_size : {~0ull, ~0ull - 4096, 1ull << 63, 1ull << 40}) {
      const bool accepted = check(bytes_of(file), file_size);
      EXPECT_EQ(accepted, reference_accepts(tensors, data_offset, file_size)) << "round " << round;
      n_valid += accepted ? 1 : 0;
    }
  }
  EXPECT_GT(n_valid, 500u) << "the generator should make valid files too";
}

TEST(GgufMalformed, OverlapsAreFound) {
  const MakesFiles files(3000);
  std::mt19937_64 random(3);
  std::size_t n_valid = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<PlannedTensor> tensors(2 + random() % 3);
    for (PlannedTensor& t : tensors) {
      t.dims = {8 * (1 + random() % 24)};
      t.dtype = &dtype_info(DType::kF32);
      t.offset = random() % 24 * 32 + (random() % 50 == 0 ? 1 : 0);
    }
    std::uint64_t data_offset = 0;
    std::string file = tensor_file(tensors, data_offset);
    file.resize(data_offset + 24 * 32);
    const bool accepted = check(file);
    EXPECT_EQ(accepted, reference_accepts(tensors, data_offset, file.size())) << "round " << round;
    n_valid += accepted ? 1 : 0;
  }
  EXPECT_GT(n_valid, 50u);
}

TEST(GgufMalformed, DuplicatesAreFoundAtAnyDistance) {
  const MakesFiles files(288);
  for (std::size_t first = 0; first < 12; ++first) {
    for (std::size_t second = 0; second < 12; ++second) {
      GgufBytes keys;
      keys.counts(0, 12);
      GgufBytes tensors;
      tensors.counts(12, 0);
      for (std::size_t i = 0; i < 12; ++i) {
        const std::string name = "name" + std::to_string(i == second ? first : i);
        keys.scalar<std::uint32_t>(name, 4, 0);
        tensors.tensor(name, {8}, 0, 32 * i);
      }
      tensors.pad().zeros(32 * 12);
      EXPECT_EQ(check(keys.str()), first == second);
      EXPECT_EQ(check(tensors.str()), first == second);
    }
  }
}

TEST(GgufMalformed, AlignmentIsAPowerOfTwo) {
  const MakesFiles files(465);
  const auto file = [](std::uint64_t alignment) {
    GgufBytes b;
    b.counts(1, 1).scalar<std::uint64_t>("general.alignment", 10, alignment).tensor("t", {8}, 0, 0).pad();
    return b.zeros(3 << 20).str();
  };
  for (std::uint64_t value = 0; value < 300; ++value) {
    EXPECT_EQ(check(file(value)), std::has_single_bit(value)) << value;
  }
  for (int bit = 9; bit < 64; ++bit) {
    EXPECT_EQ(check(file(1ull << bit)), bit <= 20) << bit;
    EXPECT_FALSE(check(file((1ull << bit) + 1))) << bit;
    EXPECT_FALSE(check(file((1ull << bit) - 1))) << bit;
  }
}

// A short start of a file that claims to be as large as a file can be.
TEST(GgufMalformed, CountsOfHugeFilesCostNothing) {
  const MakesFiles files(1300);
  for (const std::uint64_t file_size : {1ull << 32, 1ull << 40, 1ull << 63, ~0ull}) {
    for (const std::uint64_t n : boundary_values(1 << 16, file_size)) {
      GgufBytes tensors;
      check(tensors.counts(n, 0).zeros(1000).bytes(), 4096);
      GgufBytes keys;
      check(keys.counts(0, n).zeros(1000).bytes(), 4096);
      for (const std::uint32_t type : {0u, 7u, 8u, 12u}) {
        GgufBytes array;
        array.counts(0, 1).string("k").u32(9).u32(type).u64(n).zeros(1000);
        ++n_files;
        AllocationPeak::reset();
        const auto step = parse_gguf_prefix(array.bytes(), file_size);
        EXPECT_LT(AllocationPeak::bytes(), 1u << 20);
        if (step && std::holds_alternative<NeedMoreBytes>(*step)) {
          EXPECT_LE(std::get<NeedMoreBytes>(*step).n_bytes, kMaxHeaderBytes);
        } else if (!step) {
          EXPECT_TRUE(names_field_and_byte(step.error())) << step.error().message;
        }
      }
    }
  }
}

}  // namespace
}  // namespace hearth::gguf
