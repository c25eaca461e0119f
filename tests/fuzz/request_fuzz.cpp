// Any bytes as a request of a foreign language: an error with a sentence, or a request.
#include <string_view>

#include "generate/request_json.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, std::size_t n_bytes) {
  const auto request = hearth::generate::parse_request({reinterpret_cast<const char*>(bytes), n_bytes});
  if (!request && request.error().message.empty()) __builtin_trap();
  return 0;
}
