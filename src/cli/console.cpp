// Standard streams.
#include "cli/console.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>

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
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) return io_failure("writing to standard output");
  return {};
}

Status flush_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout)) return io_failure("writing to standard output");
  return {};
}

void note(std::string_view line) {
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fputc('\n', stderr);
}

void note_progress(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

Result<std::string> read_input(std::uint64_t limit_bytes) {
  std::string text;
  std::array<char, 1 << 16> buffer;
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), stdin)) {
    text.append(buffer.data(), n);
    if (text.size() > limit_bytes) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("standard input has more than the {} allowed here; split it", bytes_text(limit_bytes)));
    }
  }
  if (std::ferror(stdin)) return io_failure("reading standard input");
  return text;
}

Result<bool> read_line(std::string& line) {
  line.clear();
  for (int c = std::fgetc(stdin); c != EOF; c = std::fgetc(stdin)) {
    if (c == '\n') return true;
    line += static_cast<char>(c);
  }
  if (std::ferror(stdin)) return io_failure("reading standard input");
  return !line.empty();
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
