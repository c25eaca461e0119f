// The terminal while a person types: keys come one by one, the width is known. For programs, not for libraries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace hearth::cli {

/// While one exists, standard input gives bytes as they are typed, unechoed. One at a time.
class RawTerminal {
 public:
  static Result<std::unique_ptr<RawTerminal>> enter();
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

  /// Whether Ctrl-C is a key like others, or interrupts. At first it is a key.
  enum class CtrlC : std::uint8_t { kIsAKey, kInterrupts };
  Status set(CtrlC meaning);
  /// The terminal as it was, if one exists: for handlers of signals that end the process.
  static void give_back();
  /// Waits for bytes; empty when the terminal is gone.
  Result<std::string> read();
  [[nodiscard]] std::size_t n_columns() const;

 private:
  struct Before;
  explicit RawTerminal(std::unique_ptr<Before> before);
  std::unique_ptr<Before> before_;
};

}  // namespace hearth::cli
