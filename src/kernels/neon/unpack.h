// A panel of any block format as int8 codes with float and int16 scales: what many rows of activations multiply, and
// what formats without a NEON reader of their own always do.
#pragma once

#include <cstddef>

#include "kernels/layout.h"

namespace hearth::kernels::neon {

inline constexpr std::size_t kUnpacked32Bytes = 128 + 512;           // per 32 elements of 16 rows: Unpacked32
inline constexpr std::size_t kUnpacked64Bytes = 256 + 1024;          // per 64 elements: Unpacked64
inline constexpr std::size_t kUnpacked256Bytes = 128 + 1024 + 4096;  // per 256 elements: Unpacked256

/// Writes panel `panel` of w, of any block format, block after block.
void unpack_panel(const PackedMatrix& w, std::size_t panel, std::byte* to);

}  // namespace hearth::kernels::neon
