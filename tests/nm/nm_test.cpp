// What the built libraries ask of the system: nothing that prints, ends the process or reads the environment.
#include <gtest/gtest.h>

#include <cstdio>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "data_path.h"

namespace hearth::testing {
namespace {

// Deliberately absent from this list, with the reason:
//   std::terminate, __clang_call_terminate   the compiler's own answer to an exception leaving a noexcept function;
//                                            tests/layering forbids naming it in src/.
//   std::__throw_*, __cxa_throw              standard containers; caught inside the module that provokes them.
//   __stack_chk_fail, __cxa_pure_virtual     compiler guards, reachable only through our own mistakes.
const std::set<std::string, std::less<>> kForbidden = {
    // prints
    "printf", "fprintf", "vprintf", "vfprintf", "dprintf", "vdprintf", "puts", "fputs", "putc", "fputc", "putchar",
    "fwrite", "perror", "psignal", "__printf_chk", "__fprintf_chk", "__vprintf_chk", "__vfprintf_chk", "__dprintf_chk",
    "stdout", "stderr", "stdin", "std::cout", "std::cerr", "std::clog", "std::cin", "std::wcout", "std::wcerr",
    "syslog", "vsyslog",
    // ends or hijacks the process
    "abort", "exit", "_exit", "_Exit", "quick_exit", "at_quick_exit", "atexit", "__assert_fail", "__assert", "raise",
    "kill", "signal", "sigaction", "longjmp", "__longjmp_chk", "std::__glibcxx_assert_fail",
    // starts another, or reads what belongs to apps/
    "system", "popen", "getenv", "secure_getenv", "setenv", "putenv", "unsetenv", "environ", "__environ"};

std::string run(const std::string& command) {
  std::string output;
  FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) return output;
  char buffer[4096];
  for (std::size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.append(buffer, n);
  EXPECT_EQ(pclose(pipe), 0) << command;
  return output;
}

/// "archive:member:      U name" lines whose name, without symbol version and arguments, is forbidden.
std::vector<std::string> forbidden_lines(const std::string& nm_output) {
  std::vector<std::string> faults;
  std::istringstream in(nm_output);
  for (std::string line; std::getline(in, line);) {
    std::size_t at = line.find(" U ");
    if (at == std::string::npos) at = line.find(" w ");
    if (at == std::string::npos) continue;
    std::string name = line.substr(at + 3);
    name = name.substr(0, name.find_first_of("(@"));
    if (kForbidden.contains(name)) faults.push_back(line);
  }
  return faults;
}

TEST(Nm, LibrariesNeitherPrintNorExitNorReadTheEnvironment) {
  std::istringstream list(read_text(HEARTH_NM_LIBRARIES));
  std::size_t n_libraries = 0;
  std::size_t n_lines = 0;
  for (std::string library; std::getline(list, library);) {
    const std::string output = run(std::string(HEARTH_NM) + " -A -C --undefined-only '" + library + "'");
    for (const std::string& line : forbidden_lines(output)) ADD_FAILURE() << line;
    n_lines += static_cast<std::size_t>(std::count(output.begin(), output.end(), '\n'));
    ++n_libraries;
  }
  EXPECT_GE(n_libraries, 2u);
  EXPECT_GT(n_lines, 50u);
}

TEST(Nm, PlantedSymbolsAreFound) {
  EXPECT_EQ(forbidden_lines("lib.a:a.o:                 U abort\n").size(), 1u);
  EXPECT_EQ(forbidden_lines("lib.a:a.o:                 U getenv@GLIBC_2.2.5\n").size(), 1u);
  EXPECT_EQ(forbidden_lines("lib.a:a.o:                 U std::cout@GLIBCXX_3.4\n").size(), 1u);
  EXPECT_EQ(forbidden_lines("lib.a:a.o:                 w exit\n").size(), 1u);
  EXPECT_TRUE(forbidden_lines("lib.a:a.o:                 U hearth::printf_style(int)\n").empty());
  EXPECT_TRUE(forbidden_lines("lib.a:a.o:                 U memcpy\n\nlib.a:b.o:\n").empty());
}

}  // namespace
}  // namespace hearth::testing
