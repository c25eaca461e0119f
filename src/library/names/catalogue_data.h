// The text of catalogue.json as it was when this was compiled; CMake makes the source that defines it.
#pragma once

#include <string_view>

namespace hearth::library {

extern const std::string_view kCatalogueJson;

}  // namespace hearth::library
