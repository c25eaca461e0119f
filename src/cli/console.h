// What commands print and read: results on standard output, everything for people on standard error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/result.h"

namespace hearth::cli {

/// Appends to standard output; flush_output() tells whether it arrived.
Status print(std::string_view text);
Status flush_output();
/// A line for people on standard error.
void note(std::string_view line);
/// Text on standard error without a line end, to be overwritten: "\r..." .
void note_progress(std::string_view text);

/// What the commands read that take a text of any length.
inline constexpr std::uint64_t kLargestText = 1ull << 30;

/// All of standard input, at most limit_bytes.
Result<std::string> read_input(std::uint64_t limit_bytes);
/// The next line of standard input without its end, LF or CR LF; nothing when the input has ended.
Result<bool> read_line(std::string& line);

/// A sink that writes debug lines with time, file and line to standard error.
LogSink debug_log();

/// "1.2 GiB", "340 KiB".
std::string bytes_text(std::uint64_t bytes);

}  // namespace hearth::cli
