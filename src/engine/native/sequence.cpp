// Sequences: copy-on-write blocks.
#include "engine/native/sequence.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace hearth::native {

using kernels::kAttentionBlock;

namespace {
std::size_t blocks_for(std::size_t positions) {
  return (positions + kAttentionBlock - 1) / kAttentionBlock;
}
}  // namespace

Result<Sequence> Sequence::fork(std::size_t at) const {
  if (at > length_)
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("cannot fork at position {}: the sequence has {}", at, length_));
  Sequence child(*layout_, n_ctx_);
  if (has_recurrence() && at != length_ && at != 0) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("cannot fork at position {}: this model carries recurrent state, which exists only at its end ({})",
                    at, length_));
  }
  if (at == length_) child.recurrent_ = recurrent_;
  child.blocks_.assign(blocks_.begin(),
                       blocks_.begin() + static_cast<std::ptrdiff_t>(std::min(blocks_.size(), blocks_for(at))));
  child.length_ = at;
  child.trim();
  return child;
}

std::size_t Sequence::rewind(std::size_t to) {
  if (to >= length_) return length_;
  if (has_recurrence()) {
    to = 0;
    std::ranges::fill(recurrent_, 0.0f);
  }
  length_ = to;
  trim();
  return length_;
}

Status Sequence::prepare(std::size_t n) {
  const std::size_t needed = layout_->block_bytes() ? blocks_for(length_ + n) : 0;
  const std::size_t first_written = length_ / kAttentionBlock;
  if (first_written < blocks_.size() && blocks_[first_written].use_count() > 1) {
    HEARTH_TRY(AlignedBuffer copy, AlignedBuffer::make(layout_->block_bytes()));
    std::memcpy(copy.data(), blocks_[first_written]->data(), copy.size());
    blocks_[first_written] = std::make_shared<AlignedBuffer>(std::move(copy));
  }
  while (blocks_.size() < needed) {
    HEARTH_TRY(AlignedBuffer block, AlignedBuffer::make(layout_->block_bytes()));
    blocks_.push_back(std::make_shared<AlignedBuffer>(std::move(block)));
  }
  pointers_.clear();
  for (const auto& block : blocks_) pointers_.push_back(block->data());
  working_ = recurrent_;
  return {};
}

void Sequence::commit(std::size_t n) {
  length_ += n;
  recurrent_.swap(working_);
}

void Sequence::abandon() {
  trim();
}

void Sequence::trim() {
  if (layout_->block_bytes()) blocks_.resize(std::min(blocks_.size(), blocks_for(length_)));
  pointers_.clear();
}

void Sequence::adopt(std::vector<AlignedBuffer> blocks, std::vector<float> recurrent, std::size_t length) {
  blocks_.clear();
  for (AlignedBuffer& block : blocks) blocks_.push_back(std::make_shared<AlignedBuffer>(std::move(block)));
  recurrent_ = std::move(recurrent);
  length_ = length;
}

}  // namespace hearth::native
