// What every call of the C interface does at the border: structs that may have another size, errors into values, and
// no exception out.
#pragma once

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <string>

#include "base/result.h"
#include "hearth/hearth.h"

namespace hearth::capi {

/// Code 0 and an empty message.
void report_success(hearth_error* into);
/// Fills the caller's struct as far as it goes; a message that is too long is cut between characters.
void report(hearth_error* into, const Error& error);

/// The caller's struct as this version has it. An older one lacks members: they are zero. A newer one may have more, as
/// long as they are zero.
template <typename T>
Result<T> sized(const T* given, const char* name) {
  T mine{};
  mine.size = sizeof(T);
  if (given == nullptr) return mine;
  if (given->size < sizeof(size_t))
    return fail(ErrorCode::kInvalidArgument,
                std::string(name) + ".size is not set: sizeof(" + name + ") belongs there");
  const auto* const bytes = reinterpret_cast<const char*>(given);
  if (std::any_of(bytes + std::min(given->size, sizeof(T)), bytes + given->size, [](char c) { return c != 0; }))
    return fail(ErrorCode::kInvalidArgument, std::string(name) + " has members that this version of Hearth lacks");
  std::memcpy(&mine, given, std::min(given->size, sizeof(T)));
  mine.size = sizeof(T);
  return mine;
}

/// Runs `call`, which returns Result<T>; on an error or an exception reports it and returns `otherwise`.
template <typename T>
T guarded(hearth_error* error, T otherwise, const auto& call) {
  report_success(error);
  try {
    Result<T> result = call();
    if (result) return std::move(*result);
    report(error, result.error());
  } catch (const std::bad_alloc&) {
    report(error, {ErrorCode::kInsufficientMemory, "there is not enough memory for this call"});
  } catch (const std::exception& exception) {
    report(error, {ErrorCode::kInternal, exception.what()});
  }
  return otherwise;
}

Result<std::string> required_text(const char* text, const char* name);
/// For the caller to free.
Result<char*> copied(const std::string& text);

}  // namespace hearth::capi
