// Kinds of devices with what each can be expected to hold and the settings that serve it: one table, to change a
// default is to change a cell.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "device/memory.h"
#include "hearth/language_model.h"

namespace hearth::fit {

struct DeviceClass {
  enum class Kind : std::uint8_t { kPhone, kComputer };
  std::string_view name;  // "phone-8"
  Kind kind = Kind::kComputer;
  std::uint64_t memory_bytes = 0;
  std::uint64_t system_bytes = 0;  // what the system and its services hold when nothing else runs
  double max_app_fraction = 0;     // of memory that one app may take without being in others' way
  // Defaults.
  std::size_t n_ctx = 0;
  std::size_t ubatch = 0;
  int n_threads = 0;  // 0: as calibration finds
  KvStorage kv = KvStorage::kF16;
  std::uint64_t prefix_cache_bytes = 0;  // of finished conversations, in memory
  std::uint64_t weight_cache_bytes = 0;  // of packed weights, on the disk
};

/// Phones, then computers, each by memory.
std::span<const DeviceClass> device_classes();
/// Null when unknown.
const DeviceClass* find_device_class(std::string_view name);
/// The largest of that kind that `total_bytes` is nearly enough for (systems show less than what is built in), else
/// the smallest.
const DeviceClass& class_for(DeviceClass::Kind kind, std::uint64_t total_bytes);

/// How much memory a model may take.
struct Budget {
  std::uint64_t comfortable_bytes = 0;  // four fifths of the share: the rest is for what grows
  std::uint64_t share_bytes = 0;        // what one app may take
  std::uint64_t alone_bytes = 0;        // what there is when nothing else runs
};
/// Of a device of this class; `max_app_fraction` overrules the class when it is not 0.
Budget budget_of(const DeviceClass& device, double max_app_fraction = 0);
/// Of this machine as it is: its memory or the limit of its container.
Budget budget_of(const DeviceClass& device, const MemoryState& state, double max_app_fraction = 0);

}  // namespace hearth::fit
