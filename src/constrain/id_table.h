// Small hash tables for interning: ids of things that live in a vector elsewhere, and marks that clear in no time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hearth::constrain {

inline std::uint64_t mix_hash(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15ull;
  return hash ^ hash >> 29;
}

/// Open addressing over ids; the things themselves stay with the owner, who compares them.
class IdTable {
 public:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

  template <typename Equal>
  [[nodiscard]] std::uint32_t find(std::uint64_t hash, Equal equal) const {
    if (slots_.empty()) return kNone;
    for (std::size_t i = hash & (slots_.size() - 1);; i = (i + 1) & (slots_.size() - 1)) {
      if (slots_[i].id == kNone) return kNone;
      if (slots_[i].hash == static_cast<std::uint32_t>(hash >> 32) && equal(slots_[i].id)) return slots_[i].id;
    }
  }

  void insert(std::uint64_t hash, std::uint32_t id) {
    if ((n_ + 1) * 2 > slots_.size()) grow();
    place({hash, static_cast<std::uint32_t>(hash >> 32), id});
    ++n_;
  }

  [[nodiscard]] std::size_t n_bytes() const { return slots_.size() * sizeof(Slot); }

 private:
  struct Slot {
    std::uint64_t full_hash = 0;
    std::uint32_t hash = 0;
    std::uint32_t id = kNone;
  };
  void place(const Slot& slot) {
    std::size_t i = slot.full_hash & (slots_.size() - 1);
    while (slots_[i].id != kNone) i = (i + 1) & (slots_.size() - 1);
    slots_[i] = slot;
  }
  void grow() {
    std::vector<Slot> old = std::move(slots_);
    slots_.assign(old.empty() ? 64 : old.size() * 2, Slot{});
    for (const Slot& slot : old)
      if (slot.id != kNone) place(slot);
  }

  std::vector<Slot> slots_;
  std::size_t n_ = 0;
};

/// A set of 64-bit keys that is emptied by counting up.
class ConfigMarks {
 public:
  void clear() {
    n_ = 0;
    if (++epoch_ == 0) {
      for (Slot& slot : slots_) slot.epoch = 0;
      epoch_ = 1;
    }
  }
  /// False if it was there.
  bool insert(std::uint64_t key) {
    if ((n_ + 1) * 2 > slots_.size()) grow();
    return place(key);
  }

 private:
  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t epoch = 0;
  };
  bool place(std::uint64_t key) {
    std::size_t i = mix_hash(0x243F6A88, key) & (slots_.size() - 1);
    for (; slots_[i].epoch == epoch_; i = (i + 1) & (slots_.size() - 1))
      if (slots_[i].key == key) return false;
    slots_[i] = {key, epoch_};
    ++n_;
    return true;
  }
  void grow() {
    std::vector<Slot> old = std::move(slots_);
    slots_.assign(old.empty() ? 64 : old.size() * 2, Slot{});
    n_ = 0;
    for (const Slot& slot : old)
      if (slot.epoch == epoch_) place(slot.key);
  }

  std::vector<Slot> slots_;
  std::size_t n_ = 0;
  std::uint32_t epoch_ = 1;
};

}  // namespace hearth::constrain
