// Any bytes as a saved session: refused, or a text with its state, without a fault.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "generate/session_file.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, std::size_t n_bytes) {
  using namespace hearth::generate;
  static const std::filesystem::path kPath =
      std::filesystem::temp_directory_path() / ("session_fuzz." + std::to_string(std::hash<const void*>{}(&kPath)));
  std::ofstream(kPath, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes), static_cast<std::streamsize>(n_bytes));
  const SessionBinding binding = {
      .engine = "fake", .fingerprint = 1, .template_hash = 2, .recipe_id = 3, .n_ctx = 64, .largest_state = 1u << 20};
  static_cast<void>(parse_session_text(kPath, binding));
  static_cast<void>(parse_session(kPath, binding));
  return 0;
}
