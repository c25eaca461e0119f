// Digests by OpenSSL.
#include "library/fetch/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

namespace hearth::library {

namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

struct Digest::State {
  std::unique_ptr<EVP_MD_CTX, FreeContext> context{EVP_MD_CTX_new()};
};

Digest::Digest(Kind kind) : state_(std::make_unique<State>()) {
  EVP_DigestInit_ex(state_->context.get(), kind == Kind::kSha1 ? EVP_sha1() : EVP_sha256(), nullptr);
}
Digest::~Digest() = default;
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;

void Digest::add(std::span<const std::byte> bytes) {
  EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size());
}

std::string Digest::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned n = 0;
  EVP_DigestFinal_ex(state_->context.get(), raw.data(), &n);
  std::string text;
  for (unsigned i = 0; i < n; ++i) text += fmt::format("{:02x}", raw[i]);
  return text;
}

std::string sha256_of(std::string_view text) {
  Digest digest;
  digest.add(text);
  return digest.finish();
}

Result<std::string> sha256_of(const PartFile& file, std::uint64_t offset, std::uint64_t n_bytes,
                              const std::stop_token& stop) {
  constexpr std::size_t kBuffer = 1u << 20;
  std::vector<std::byte> buffer(static_cast<std::size_t>(std::min<std::uint64_t>(kBuffer, n_bytes)));
  Digest digest;
  while (n_bytes > 0) {
    if (stop.stop_requested()) return fail(ErrorCode::kCancelled, "cancelled");
    const std::span part(buffer.data(), static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), n_bytes)));
    HEARTH_TRY(const std::size_t n, file.read_at(offset, part));
    if (n < part.size())
      return fail(ErrorCode::kCorruptedModel, fmt::format("{} ends at byte {}", file.path().string(), offset + n));
    digest.add(part);
    offset += n;
    n_bytes -= n;
  }
  return digest.finish();
}

}  // namespace hearth::library
