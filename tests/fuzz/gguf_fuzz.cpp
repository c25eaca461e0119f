// libFuzzer: any bytes as a GGUF file. What is accepted must be readable and must survive being written again.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>

#include "file/gguf/header.h"
#include "file/gguf/writer.h"
#include "file/gguf_walk.h"

namespace {

using namespace hearth;

void expect(bool promise) {
  if (!promise) std::abort();
}

bool same_bytes(const MetadataValue& a, const MetadataValue& b) {
  if (a.type != b.type || a.value.index() != b.value.index()) return false;
  if (const auto* array = std::get_if<MetadataArray>(&a.value)) {
    const auto& other = std::get<MetadataArray>(b.value);
    return array->element == other.element && array->count == other.count &&
           std::ranges::equal(array->bytes, other.bytes);
  }
  if (const auto* text = std::get_if<std::string_view>(&a.value)) return *text == std::get<std::string_view>(b.value);
  return true;
}

void check_rewritten(const gguf::Header& header) {
  gguf::HeaderBuilder builder;
  for (std::size_t i = 0; i < header.n_metadata(); ++i) {
    builder.add_value(header.metadata(i).key, header.metadata(i).value);
  }
  for (const TensorInfo& tensor : header.tensors()) {
    builder.add_tensor(tensor.name, tensor.dtype, std::span(tensor.dims).first(tensor.n_dims));
  }
  const auto built = builder.build();
  expect(built.has_value());
  const gguf::Header& again = built->header;
  expect(again.n_metadata() == header.n_metadata() && again.tensors().size() == header.tensors().size());
  for (std::size_t i = 0; i < header.n_metadata(); ++i) {
    expect(again.metadata(i).key == header.metadata(i).key);
    expect(same_bytes(again.metadata(i).value, header.metadata(i).value));
  }
  for (std::size_t i = 0; i < header.tensors().size(); ++i) {
    const TensorInfo& a = header.tensors()[i];
    const TensorInfo& b = again.tensors()[i];
    expect(a.name == b.name && a.dtype == b.dtype && a.dims == b.dims && a.size_bytes == b.size_bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto header = gguf::parse_gguf(bytes, size);
  if (header) {
    expect(!testing::broken_promise(*header));
    check_rewritten(*header);
  } else {
    expect(header.error().message.find("byte ") != std::string::npos);
  }
  // The same bytes as the start of a much larger file.
  const auto step = gguf::parse_gguf_prefix(bytes, (1ull << 40) + size);
  if (step && std::holds_alternative<gguf::NeedMoreBytes>(*step)) {
    expect(std::get<gguf::NeedMoreBytes>(*step).n_bytes > size);
  } else if (step) {
    expect(!testing::broken_promise(std::get<gguf::Header>(*step)));
  }
  return 0;
}
