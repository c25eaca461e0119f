// How template code fails inside the interpreter: an exception that never leaves the public functions of this folder.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace hearth::text::jinja {

/// Thrown by everything below parse and render, caught by both and turned into an Error.
struct Fault {
  enum class Kind : std::uint8_t {
    kSyntax,   // the template cannot be read
    kRefusal,  // raise_exception: the template's own words
    kRuntime,  // what Python would raise while rendering
    kFuel,     // a limit was reached
  };
  Kind kind = Kind::kRuntime;
  std::string message;
  std::uint32_t line = 0;  // 0: not known where it was thrown
};

[[noreturn]] inline void throw_runtime(std::string message) {
  throw Fault{Fault::Kind::kRuntime, std::move(message)};
}
[[noreturn]] inline void throw_fuel(std::string message) {
  throw Fault{Fault::Kind::kFuel, std::move(message)};
}

}  // namespace hearth::text::jinja
