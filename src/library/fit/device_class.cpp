// The table of device classes.
#include "library/fit/device_class.h"

#include <algorithm>
#include <array>

namespace hearth::fit {

namespace {

constexpr std::uint64_t kMiB = 1u << 20, kGiB = 1u << 30;
constexpr double kComfortable = 0.8;

using enum DeviceClass::Kind;
using enum KvStorage;

constexpr std::array kClasses = std::to_array<DeviceClass>({
    // name, kind, memory, system, app share, context, batch, threads, KV, prefix cache, weight cache
    {"phone-4", kPhone, 4 * kGiB, 2944 * kMiB, 0.5, 2048, 128, 4, kQ8_0, 32 * kMiB, 2 * kGiB},
    {"phone-6", kPhone, 6 * kGiB, 3072 * kMiB, 0.5, 4096, 128, 4, kQ8_0, 64 * kMiB, 4 * kGiB},
    {"phone-8", kPhone, 8 * kGiB, 3328 * kMiB, 0.5, 4096, 256, 4, kQ8_0, 128 * kMiB, 6 * kGiB},
    {"phone-12", kPhone, 12 * kGiB, 4096 * kMiB, 0.5, 4096, 256, 4, kQ8_0, 256 * kMiB, 8 * kGiB},
    {"computer-8", kComputer, 8 * kGiB, 2560 * kMiB, 0.85, 4096, 512, 0, kF16, 256 * kMiB, 10 * kGiB},
    {"computer-16", kComputer, 16 * kGiB, 3072 * kMiB, 0.85, 4096, 512, 0, kF16, 512 * kMiB, 20 * kGiB},
    {"computer-32", kComputer, 32 * kGiB, 4096 * kMiB, 0.85, 8192, 512, 0, kF16, 1024 * kMiB, 50 * kGiB},
    {"computer-64", kComputer, 64 * kGiB, 4096 * kMiB, 0.85, 8192, 512, 0, kF16, 2048 * kMiB, 50 * kGiB},
});

Budget make_budget(std::uint64_t total, std::uint64_t system, double fraction) {
  const std::uint64_t alone = total - std::min(total, system);
  const auto share =
      std::min(alone, static_cast<std::uint64_t>(static_cast<double>(total) * std::clamp(fraction, 0.0, 1.0)));
  return {.comfortable_bytes = static_cast<std::uint64_t>(kComfortable * static_cast<double>(share)),
          .share_bytes = share,
          .alone_bytes = alone};
}

}  // namespace

std::span<const DeviceClass> device_classes() {
  return kClasses;
}

const DeviceClass* find_device_class(std::string_view name) {
  const auto found = std::ranges::find(kClasses, name, &DeviceClass::name);
  return found == kClasses.end() ? nullptr : &*found;
}

const DeviceClass& class_for(DeviceClass::Kind kind, std::uint64_t total_bytes) {
  const DeviceClass* best = nullptr;
  for (const DeviceClass& row : kClasses) {
    if (row.kind != kind) continue;
    if (!best || row.memory_bytes - row.memory_bytes / 8 <= total_bytes) best = &row;
  }
  return *best;
}

Budget budget_of(const DeviceClass& device, double max_app_fraction) {
  return make_budget(device.memory_bytes, device.system_bytes,
                     max_app_fraction > 0 ? max_app_fraction : device.max_app_fraction);
}

Budget budget_of(const DeviceClass& device, const MemoryState& state, double max_app_fraction) {
  const double fraction = max_app_fraction > 0 ? max_app_fraction : device.max_app_fraction;
  // A container's limit is its own: the system lies outside it.
  if (state.group_limit_bytes && *state.group_limit_bytes < state.total_bytes)
    return make_budget(*state.group_limit_bytes, 0, fraction);
  return make_budget(state.total_bytes, device.system_bytes, fraction);
}

}  // namespace hearth::fit
