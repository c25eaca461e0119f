// Which reader opens a file: one line per container; what none reads is named.
#include "file/gguf/file.h"
#include "file/gguf/header_only.h"
#include "file/model_file.h"
#include "file/recognise.h"

#include <fmt/format.h>

namespace hearth {

Result<std::unique_ptr<ModelFile>> open_model_file(const std::filesystem::path& path) {
  auto file = gguf::File::open(path);
  if (file) return std::make_unique<gguf::File>(std::move(*file));
  std::error_code ignored;
  if (file.error().code == ErrorCode::kUnsupportedFormat || std::filesystem::is_directory(path, ignored)) {
    const auto found = recognise(path);
    if (found && found->format != FileFormat::kGguf) {
      return fail(found->refusal_code(), fmt::format("{} is not a model that is read here: {} (read is: GGUF)",
                                                     path.string(), found->sentence()));
    }
  }
  return std::unexpected(std::move(file).error());
}

Result<std::unique_ptr<ModelFile>> read_model_header(std::span<const NamedSource> parts) {
  HEARTH_TRY(auto file, gguf::HeaderOnly::read(parts));
  return std::make_unique<gguf::HeaderOnly>(std::move(file));
}

}  // namespace hearth
