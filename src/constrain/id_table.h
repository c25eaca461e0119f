// Small hash tables for interning: ids of things that live in a vector elsewhere, and marks that clear in no time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "constrain/stable_array.h"

namespace hearth::constrain {

inline std::uint64_t mix_hash(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15ull;
  return hash ^ hash >> 29;
}

/// Open addressing over ids; the things themselves stay with the owner, who compares them. When it grows, memory is
/// taken and slots are moved a few at a time: no insertion pays for all.
class IdTable {
 public:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

  template <typename Equal>
  [[nodiscard]] std::uint32_t find(std::uint64_t hash, Equal equal) const {
    const std::uint32_t id = slots_.find(tag_of(hash), equal);
    return id != kNone ? id : old_.find(tag_of(hash), equal);
  }

  void insert(std::uint64_t hash, std::uint32_t id) {
    for (int i = 0; i < kMovedAtOnce && old_.n > 0; ++i) move_one();
    if (n_ * 4 >= slots_.n) next_.reach(n_reached_ += kReachedAtOnce);
    if ((n_ + 1) * 2 > slots_.n) grow();
    slots_.place({tag_of(hash), id});
    ++n_;
  }

  [[nodiscard]] std::size_t n_bytes() const { return slots_.slots.n_bytes() + old_.slots.n_bytes() + next_.n_bytes(); }

 private:
  // Twice what empties the old slots before the new ones are half full.
  static constexpr int kMovedAtOnce = 4;
  // Between a quarter and half full this makes twice as many slots as there are.
  static constexpr std::size_t kReachedAtOnce = 8;

  static std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }

  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t id = kNone;
  };
  struct Slots {
    std::size_t n = 0;  // a power of two
    StableArray<Slot> slots{Slot{}};

    template <typename Equal>
    [[nodiscard]] std::uint32_t find(std::uint32_t tag, Equal equal) const {
      if (n == 0) return kNone;
      for (std::size_t i = tag & (n - 1);; i = (i + 1) & (n - 1)) {
        const Slot& slot = slots[i];
        if (slot.id == kNone) return kNone;
        if (slot.tag == tag && equal(slot.id)) return slot.id;
      }
    }
    void place(Slot slot) {
      std::size_t i = slot.tag & (n - 1);
      while (slots[i].id != kNone) i = (i + 1) & (n - 1);
      slots[i] = slot;
    }
  };

  void move_one() {
    const Slot slot = old_.slots[n_moved_++];
    if (slot.id != kNone) slots_.place(slot);
    if (n_moved_ < old_.n) return;
    old_ = {};
    n_moved_ = 0;
  }
  void grow() {
    const std::size_t n = slots_.n == 0 ? 64 : slots_.n * 2;
    next_.reach(n);
    old_ = std::exchange(slots_, {.n = n, .slots = std::exchange(next_, StableArray<Slot>(Slot{}))});
    n_reached_ = 0;
  }

  Slots slots_, old_;  // what has moved stays in `old_` as well
  StableArray<Slot> next_{Slot{}};
  std::size_t n_ = 0, n_moved_ = 0, n_reached_ = 0;
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
