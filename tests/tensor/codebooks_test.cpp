// The grids are facts of the file format: a changed bit would go unnoticed in most models, so they carry a checksum.
#include "tensor/quant/codebooks.h"

#include <gtest/gtest.h>

#include <set>
#include <span>

namespace hearth::quant {
namespace {

struct Grid {
  const char* name;
  std::span<const std::uint16_t> entries;
  int bits;        // per element
  unsigned limit;  // digits are below it
  std::uint64_t checksum;
};

const Grid kGrids[] = {
    {"IQ2_XXS", kGridIQ2_XXS, 2, 3, 0x6fca17f5c451905d}, {"IQ2_XS", kGridIQ2_XS, 2, 3, 0x29d6ac8e0e6b14e3},
    {"IQ2_S", kGridIQ2_S, 2, 3, 0x641f9aa3fbd98694},     {"IQ3_XXS", kGridIQ3_XXS, 4, 8, 0xa3a695908a710942},
    {"IQ3_S", kGridIQ3_S, 4, 8, 0xde38cc0714d23202},     {"IQ1", kGridIQ1, 2, 3, 0x03f1880817eeffa4},
};

std::uint64_t fnv1a(std::span<const std::uint16_t> words) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::uint16_t word : words) {
    for (const int byte : {word & 255, word >> 8}) hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3;
  }
  return hash;
}

TEST(Codebooks, ChecksumsHold) {
  for (const Grid& grid : kGrids) EXPECT_EQ(fnv1a(grid.entries), grid.checksum) << grid.name;
}

TEST(Codebooks, EntriesAreDistinctAndInRange) {
  for (const Grid& grid : kGrids) {
    std::set<std::uint16_t> seen;
    for (const std::uint16_t entry : grid.entries) {
      EXPECT_TRUE(seen.insert(entry).second) << grid.name << ' ' << entry;
      for (int shift = 0; shift < 16; shift += grid.bits) {
        EXPECT_LT(entry >> shift & ((1u << grid.bits) - 1), grid.limit) << grid.name << ' ' << entry;
      }
    }
  }
}

}  // namespace
}  // namespace hearth::quant
