// The rules of the house as functions: one source file in, one sentence per fault out.
#pragma once

#include <array>
#include <cctype>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layering/source_tree.h"

namespace hearth::testing {

inline constexpr std::size_t kMostLines = 800;

inline std::string fault_at(const SourceFile& file, std::size_t line, const std::string& what) {
  return file.path + ":" + std::to_string(line) + ": " + what;
}

inline std::vector<std::string> non_ascii(const SourceFile& file) {
  std::vector<std::string> faults;
  std::size_t line = 1;
  for (const char c : file.text) {
    if (c == '\n') ++line;
    const bool allowed = c == '\n' || (c >= 0x20 && c < 0x7f);
    if (!allowed) faults.push_back(fault_at(file, line, "a byte that is not printable ASCII"));
  }
  return faults;
}

inline std::vector<std::string> too_long(const SourceFile& file) {
  const std::string name = file.path.substr(file.path.rfind('/') + 1);
  if (name.find("_table") != std::string::npos) return {};  // generated tables, also named _tables
  const std::size_t n_lines = lines_of(file.text).size();
  if (n_lines <= kMostLines) return {};
  return {file.path + ": " + std::to_string(n_lines) + " lines, at most " + std::to_string(kMostLines)};
}

/// C compilers read it: guards, and comments as C has them.
inline constexpr std::string_view kCHeader = "include/hearth/hearth.h";

inline std::vector<std::string> no_opening_sentence(const SourceFile& file) {
  if (file.path == kCHeader) return {};
  if (file.text.starts_with("// ") && file.text.find('\n') > 20) return {};
  return {fault_at(file, 1, "the first line must be a comment that says why the file exists")};
}

/// Only base/, device/ and kernels/ may look at the platform. Header guards are #pragma once, so nothing else needs
/// #if.
inline std::vector<std::string> misplaced_conditionals(const SourceFile& file) {
  for (const char* folder : {"src/base", "src/device", "src/kernels"}) {
    if (lies_in(file.path, folder)) return {};
  }
  if (file.path == kCHeader) return {};
  std::vector<std::string> faults;
  const std::string code = without_comments_and_literals(file.text);
  std::size_t number = 0;
  for (std::string_view line : lines_of(code)) {
    ++number;
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (!line.starts_with('#')) continue;
    line.remove_prefix(1);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.starts_with("if") || line.starts_with("elif")) {
      faults.push_back(fault_at(file, number, "#if outside base/, device/ and kernels/"));
    }
  }
  return faults;
}

/// Words that end or bypass the caller's process. A library returns errors; apps/ reads flags and the environment.
inline constexpr std::array kForbiddenCalls = {
    "printf", "fprintf", "vprintf",       "vfprintf", "puts",   "fputs",      "putchar",   "fwrite",
    "perror", "abort",   "exit",          "_exit",    "_Exit",  "quick_exit", "terminate", "getenv",
    "setenv", "putenv",  "secure_getenv", "assert",   "system", "popen",      "raise",     "signal"};
inline constexpr std::array kForbiddenStreams = {"cout", "cerr", "clog", "cin", "stdout", "stderr", "stdin"};

inline bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

/// Lines on which `word` stands alone, followed by "(" when `call` is wanted and not reached through "." or "->".
inline std::vector<std::size_t> lines_naming(std::string_view code, std::string_view word, bool call) {
  std::vector<std::size_t> found;
  for (std::size_t at = code.find(word); at != std::string_view::npos; at = code.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at > 0 && is_word(code[at - 1])) || (end < code.size() && is_word(code[end]))) continue;
    if (call && (end >= code.size() || code[end] != '(')) continue;
    if (call && at > 0 && (code[at - 1] == '.' || code[at - 1] == '>')) continue;
    found.push_back(1 + static_cast<std::size_t>(std::ranges::count(code.substr(0, at), '\n')));
  }
  return found;
}

/// src/cli may use the standard streams; nobody in src/ may end the process or read the environment.
inline std::vector<std::string> prints_or_ends_process(const SourceFile& file) {
  if (!lies_in(file.path, "src") && !lies_in(file.path, "include")) return {};
  std::vector<std::string> faults;
  const std::string code = without_comments_and_literals(file.text);
  for (const char* word : kForbiddenCalls) {
    for (const std::size_t line : lines_naming(code, word, true)) {
      faults.push_back(fault_at(file, line, std::string(word) + "() does not belong in the library"));
    }
  }
  if (lies_in(file.path, "src/cli")) return faults;
  for (const char* word : kForbiddenStreams) {
    for (const std::size_t line : lines_naming(code, word, false)) {
      faults.push_back(fault_at(file, line, std::string(word) + " does not belong in the library"));
    }
  }
  return faults;
}

/// Heavy headers stay in .cpp files, so that including one of ours stays cheap.
inline std::vector<std::string> heavy_headers(const SourceFile& file) {
  if (!file.path.ends_with(".h") || lies_in(file.path, "tests")) return {};
  std::vector<std::string> faults;
  std::size_t number = 0;
  for (const std::string_view line : lines_of(file.text)) {
    ++number;
    for (const char* heavy : {"#include <fmt/", "#include <nlohmann/json.hpp>", "#include <CLI/", "#include <iostream>",
                              "#include <regex>"}) {
      if (line.starts_with(heavy)) faults.push_back(fault_at(file, number, "a heavy header included by a header"));
    }
  }
  return faults;
}

/// snake_case file and folder names.
inline std::vector<std::string> badly_named(const SourceFile& file) {
  for (const char c : file.path) {
    const bool allowed = std::islower(static_cast<unsigned char>(c)) || std::isdigit(static_cast<unsigned char>(c)) ||
                         c == '_' || c == '/' || c == '.';
    if (!allowed) return {file.path + ": files and folders are named in snake_case"};
  }
  return {};
}

}  // namespace hearth::testing
