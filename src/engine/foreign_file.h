// What a file that no engine reads seems to be, so that the error can name the cure.
#pragma once

#include <string>
#include <string_view>

namespace hearth {

/// A sentence about the file, from its first bytes (up to 64).
std::string describe_foreign_file(std::string_view first_bytes);

}  // namespace hearth
