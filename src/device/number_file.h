// A number that a file of the system holds, such as a frequency; 0 where there is none.
#pragma once

#include <filesystem>
#include <fstream>

namespace hearth {

inline double read_number(const std::filesystem::path& path) {
  double value = 0;
  std::ifstream(path) >> value;
  return value;
}

}  // namespace hearth
