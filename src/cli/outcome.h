// How a command ends: with an exit code, or with a failure that becomes one sentence on stderr and an exit code.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "base/result.h"

namespace hearth::cli {

inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;          // a mistake in flags or arguments
inline constexpr int kInterrupted = 130;  // Ctrl-C, as shells count it

struct Failure {
  Failure(Error failure) : error(std::move(failure)) {}  // NOLINT: implicit, so that HEARTH_TRY works in commands
  Failure(Error failure, int code) : error(std::move(failure)), exit_code(code) {}
  Error error;
  int exit_code = kFailed;
};

using Outcome = std::expected<int, Failure>;
template <typename T>
using Checked = std::expected<T, Failure>;

/// What the user typed cannot be.
inline std::unexpected<Failure> usage_error(std::string message) {
  return std::unexpected(Failure({ErrorCode::kInvalidArgument, std::move(message)}, kUsage));
}

}  // namespace hearth::cli
