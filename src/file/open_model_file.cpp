// Which reader opens a file: one line per container.
#include "file/gguf/file.h"
#include "file/model_file.h"

namespace hearth {

Result<std::unique_ptr<ModelFile>> open_model_file(const std::filesystem::path& path) {
  HEARTH_TRY(auto file, gguf::File::open(path));
  return std::make_unique<gguf::File>(std::move(file));
}

}  // namespace hearth
