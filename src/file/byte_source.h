// Bytes of known length that lie somewhere: a file here, ranges of one on a server. Headers are read through it, so a
// model can be looked at before it is downloaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/file.h"
#include "base/result.h"

namespace hearth {

/// Hostile: the bytes may be anything, and may change between two reads. One thread at a time.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;
  /// Fills all of `into` from `offset`, or fails; reaching beyond the end is a failure.
  [[nodiscard]] virtual Status read(std::uint64_t offset, std::span<std::byte> into) = 0;
};

/// A local file, which must outlive it.
class FileBytes final : public ByteSource {
 public:
  explicit FileBytes(const RandomAccessFile& file) : file_(file) {}
  [[nodiscard]] std::uint64_t size_bytes() const override { return file_.size(); }
  [[nodiscard]] Status read(std::uint64_t offset, std::span<std::byte> into) override {
    return file_.read_at(offset, into);
  }

 private:
  const RandomAccessFile& file_;
};

}  // namespace hearth
