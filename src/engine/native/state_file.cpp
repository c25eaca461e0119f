// Saved state of a sequence: a header bound to model, recipe and layout, the KV blocks, the recurrent floats, a
// checksum. The bytes are hostile when they come back.
//
//   0  "HEARTHKV"  8 version u32  12 recipe u32  16 fingerprint u64  24 kv type u32  28 reserved u32 (0)  32 length u64
//   40 block bytes u64  48 recurrent floats u64  56 blocks ...  then recurrent ...  then Hash64 of everything before
#include <cstring>

#include "base/checked.h"
#include "base/hash.h"
#include "engine/native/native_model.h"

#include <fmt/format.h>

namespace hearth::native {

namespace {

constexpr std::uint32_t kVersion = 1;

struct Header {
  char magic[8] = {'H', 'E', 'A', 'R', 'T', 'H', 'K', 'V'};
  std::uint32_t version = kVersion;
  std::uint32_t recipe = 0;
  std::uint64_t fingerprint = 0;
  std::uint32_t kv_type = 0;
  std::uint32_t reserved = 0;
  std::uint64_t length = 0;
  std::uint64_t block_bytes = 0;
  std::uint64_t n_recurrent = 0;
};
static_assert(sizeof(Header) == 56);

/// Positions from `used` on may hold what was rewound or cancelled; saved state must not carry it out.
void clear_unused(const kernels::KernelTable& kernels, const ops::StateLayout& layout, std::byte* block,
                  std::size_t used) {
  for (std::size_t l = 0; l < layout.n_layers(); ++l) {
    const ops::LayerState& state = layout.layer(l);
    const std::vector<float> zero(std::max(state.k_dim, state.v_dim), 0.0f);
    for (std::size_t head = 0; head < state.n_kv_heads; ++head) {
      for (std::size_t p = used; p < kernels::kAttentionBlock; ++p) {
        kernels.store_key(layout.type(), state.k_dim, p, zero.data(), layout.keys(block, l, head));
        kernels.store_value(layout.type(), state.v_dim, p, zero.data(), layout.values(block, l, head));
      }
    }
  }
}

}  // namespace

Status NativeModel::export_state(SequenceId id, const std::function<Status(std::span<const std::byte>)>& write) const {
  const std::lock_guard lock(mutex_);
  HEARTH_TRY(Sequence * sequence, find(id));
  const ops::StateLayout& layout = sequence->layout();
  Header header{.recipe = info_.recipe_id,
                .fingerprint = fingerprint_,
                .kv_type = static_cast<std::uint32_t>(layout.type()),
                .length = sequence->length(),
                .block_bytes = layout.block_bytes(),
                .n_recurrent = layout.n_recurrent()};
  Hash64 hash;
  const auto put = [&](std::span<const std::byte> bytes) {
    hash.add(bytes);
    return write(bytes);
  };
  HEARTH_CHECK(put(std::as_bytes(std::span(&header, 1))));
  HEARTH_TRY(Sequence copy, sequence->fork(sequence->length()));
  HEARTH_CHECK(copy.prepare(0));
  const std::size_t n_blocks = copy.blocks().size();
  for (std::size_t b = 0; b < n_blocks; ++b) {
    const std::size_t used = std::min(sequence->length() - b * kernels::kAttentionBlock, kernels::kAttentionBlock);
    HEARTH_TRY(AlignedBuffer block, AlignedBuffer::make(layout.block_bytes()));
    std::memcpy(block.data(), copy.blocks()[b], block.size());
    clear_unused(*kernels_, layout, block.data(), used);
    HEARTH_CHECK(put({block.data(), block.size()}));
  }
  HEARTH_CHECK(put(std::as_bytes(sequence->recurrent())));
  const std::uint64_t checksum = hash.value();
  return write(std::as_bytes(std::span(&checksum, 1)));
}

Result<SequenceId> NativeModel::import_state(std::span<const std::byte> bytes, const SequenceOptions& options) {
  const auto refuse = [](std::string why) {
    return fail(ErrorCode::kStateMismatch, "restoring saved state: " + std::move(why));
  };
  Header header;
  const Header expected;
  if (bytes.size() < sizeof header + 8) return refuse("the data is too short");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::memcmp(header.magic, expected.magic, sizeof header.magic) != 0)
    return refuse("these bytes are no saved state");
  if (header.version != kVersion) return refuse(fmt::format("version {} is not {}", header.version, kVersion));
  if (header.recipe != info_.recipe_id)
    return refuse(
        fmt::format("it was made by numeric recipe {}, this model runs with {}", header.recipe, info_.recipe_id));
  if (header.fingerprint != fingerprint_) return refuse("it belongs to another model");
  if (header.kv_type != static_cast<std::uint32_t>(options.kv))
    return refuse("it was saved with another key/value type");
  const ops::StateLayout& kv_layout = layout(options.kv);
  const std::size_t n_ctx = options.n_ctx ? options.n_ctx : info_.n_ctx_train;
  if (header.length > n_ctx || n_ctx > info_.n_ctx_train)
    return refuse(fmt::format("its {} positions do not fit a context of {}", header.length, n_ctx));
  if (header.block_bytes != kv_layout.block_bytes() || header.n_recurrent != kv_layout.n_recurrent())
    return refuse("its layout does not fit this model");
  const std::size_t n_blocks =
      kv_layout.block_bytes() ? (header.length + kernels::kAttentionBlock - 1) / kernels::kAttentionBlock : 0;
  const CheckedSize size =
      CheckedSize(sizeof header) + CheckedSize(n_blocks) * header.block_bytes + CheckedSize(header.n_recurrent) * 4 + 8;
  if (size.value() != bytes.size())
    return refuse(fmt::format("it has {} bytes, another number was expected; it may be incomplete", bytes.size()));
  Hash64 hash;
  hash.add(bytes.first(bytes.size() - 8));
  std::uint64_t checksum = 0;
  std::memcpy(&checksum, bytes.data() + bytes.size() - 8, 8);
  if (hash.value() != checksum) return refuse("its checksum does not match; it is damaged");

  std::vector<AlignedBuffer> blocks;
  const std::byte* at = bytes.data() + sizeof header;
  for (std::size_t b = 0; b < n_blocks; ++b, at += header.block_bytes) {
    HEARTH_TRY(AlignedBuffer block, AlignedBuffer::make(header.block_bytes));
    std::memcpy(block.data(), at, header.block_bytes);
    blocks.push_back(std::move(block));
  }
  std::vector<float> recurrent(header.n_recurrent);
  if (!recurrent.empty()) std::memcpy(recurrent.data(), at, recurrent.size() * sizeof(float));
  const std::lock_guard lock(mutex_);
  Sequence sequence(kv_layout, n_ctx);
  sequence.adopt(std::move(blocks), std::move(recurrent), header.length);
  return adopt(std::move(sequence));
}

}  // namespace hearth::native
