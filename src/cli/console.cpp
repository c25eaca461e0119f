// Standard streams, flushed by hand: standard output carries results, standard error talks to people.
#include "cli/console.h"

#include <array>
#include <cerrno>
#include <iostream>
#include <system_error>
#include <vector>

#include <fmt/format.h>

namespace hearth::cli {

namespace {

std::unexpected<Error> io_failure(std::string_view what) {
  return fail(ErrorCode::kIo, fmt::format("{}: {}", what, std::error_code(errno, std::generic_category()).message()));
}

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarning: return "warning";
  }
  return "";
}

}  // namespace

Status print(std::string_view text) {
  if (!std::cout.write(text.data(), static_cast<std::streamsize>(text.size())))
    return io_failure("writing to standard output");
  return {};
}

Status flush_output() {
  if (!std::cout.flush()) return io_failure("writing to standard output");
  return {};
}

void note(std::string_view line) {
  std::cerr << std::string(line) + '\n';  // one write, so that lines stay whole
}

void note_progress(std::string_view text) {
  std::cerr << text << std::flush;
}

Result<std::string> read_input(std::uint64_t limit_bytes) {
  std::string text;
  std::vector<char> buffer(1 << 16);
  while (std::cin.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), std::cin.gcount() > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(std::cin.gcount()));
    if (text.size() > limit_bytes) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("standard input has more than the {} allowed here; split it", bytes_text(limit_bytes)));
    }
  }
  if (std::cin.bad()) return io_failure("reading standard input");
  return text;
}

Result<bool> read_line(std::string& line) {
  std::getline(std::cin, line);
  if (std::cin.bad()) return io_failure("reading standard input");
  if (line.ends_with('\r')) line.pop_back();
  return !std::cin.fail();
}

LogSink debug_log() {
  return LogSink([](const LogRecord& record) {
    note(fmt::format("[{:9.3f}] {:7} {}:{} {}", record.seconds, level_name(record.level), record.file, record.line,
                     record.message));
  });
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} bytes", bytes)
                   : fmt::format("{:.{}f} {}", value, value < 10 ? 2 : 1, kUnits[unit]);
}

}  // namespace hearth::cli
