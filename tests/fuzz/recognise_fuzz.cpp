// Any bytes as a file of any format: a name for them, and no read beyond their end.
#include <cstring>
#include <string_view>

#include "file/recognise.h"

namespace {

class FuzzedBytes final : public hearth::ByteSource {
 public:
  FuzzedBytes(const unsigned char* bytes, std::size_t size) : bytes_(bytes), size_(size) {}
  [[nodiscard]] std::uint64_t size_bytes() const override { return size_; }
  [[nodiscard]] hearth::Status read(std::uint64_t offset, std::span<std::byte> into) override {
    if (offset > size_ || into.size() > size_ - offset) __builtin_trap();
    if (!into.empty()) std::memcpy(into.data(), bytes_ + offset, into.size());
    return {};
  }

 private:
  const unsigned char* bytes_;
  std::size_t size_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, std::size_t n_bytes) {
  FuzzedBytes source(bytes, n_bytes);
  if (const auto found = hearth::recognise(source)) static_cast<void>(found->sentence());
  return 0;
}
