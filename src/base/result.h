// Errors as values: every fallible function that crosses a module border returns Result<T>.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace hearth {

/// Stable codes: programs may match on them, messages may change. Add at the end, never renumber.
enum class ErrorCode : std::uint16_t {
  kInvalidArgument = 1,  // the caller asked for something that cannot be
  kFileNotFound = 2,
  kIo = 3,                 // the operating system failed a read, write, map
  kCorruptedModel = 4,     // a file breaks the rules of its format
  kUnsupportedFormat = 5,  // a valid file of a format, version or type that we do not read
  kUnsupportedModel = 6,   // an architecture, tokenizer or option that we do not implement
  kInsufficientMemory = 7,
  kContextFull = 8,  // more positions than n_ctx
  kCancelled = 9,
  kStateMismatch = 10,          // saved state of another model, recipe or layout
  kInternal = 11,               // our own mistake, reported instead of crashing
  kUnsupportedConstraint = 12,  // a keyword of a schema, or a construct of a pattern, that we do not implement
  kBusy = 13,                   // as much as may wait waits already; nothing was begun
  // Loading and running.
  kNotInitialised = 14,
  kNoServiceSelected = 15,      // neither a model nor another way to answer was chosen
  kLoadFailed = 16,             // an engine could not load, and it is neither the file nor the memory
  kContextCreationFailed = 17,  // the model is loaded, its context could not be made
  kDecodeFailed = 18,
  kInvalidResponse = 19,  // an answer that breaks its protocol: a server's, a helper process's
  kInvalidFile = 20,      // a file that is no model: a web page, a pointer, the wrong kind
  kDiskFull = 21,
  // How the machine feels: reported by diagnosis and by what gives up because of it.
  kThermalThrottling = 22,
  kMemoryPressure = 23,
  kBackgroundThrottling = 24,  // the process is held back: in the background, or by a quota
  kSlowStorage = 25,
  // The network.
  kNetworkFailed = 26,
  kNotAuthorized = 27,       // a token or a licence is missing
  kVerificationFailed = 28,  // bytes arrived that are not what was promised
  kOffline = 29,             // the network was needed and is switched off by choice
};

/// The code's stable name, such as "corrupted_model".
std::string_view error_code_name(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  /// One sentence or two: what was being done, what was expected, what was found, the likely cause or cure.
  std::string message;

  /// The same error with what was being done around it put in front: "context: message".
  [[nodiscard]] Error within(std::string_view context) && {
    message = std::string(context) + ": " + message;
    return std::move(*this);
  }
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = std::expected<void, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

#define HEARTH_CONCAT_INNER(a, b) a##b
#define HEARTH_CONCAT(a, b) HEARTH_CONCAT_INNER(a, b)

/// HEARTH_TRY(auto x, expression): returns the error, or binds the value.
#define HEARTH_TRY(declaration, ...) HEARTH_TRY_INNER(HEARTH_CONCAT(try_result_, __COUNTER__), declaration, __VA_ARGS__)
#define HEARTH_TRY_INNER(temporary, declaration, ...)                   \
  auto temporary = (__VA_ARGS__);                                       \
  if (!temporary) return std::unexpected(std::move(temporary).error()); \
  declaration = std::move(*temporary)

/// HEARTH_CHECK(expression): returns the error of a Status or Result whose value is not needed.
#define HEARTH_CHECK(...)                                                                                             \
  do {                                                                                                                \
    if (auto check_result_ = (__VA_ARGS__); !check_result_) return std::unexpected(std::move(check_result_).error()); \
  } while (false)

}  // namespace hearth
