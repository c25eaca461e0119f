// The models that can be named without knowing where they lie: data, shipped with Hearth and extended by its user.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "library/names/model_name.h"

namespace hearth::library {

/// A repository of the hub that holds one model in one format.
struct CatalogueSource {
  std::string repo;    // "owner/name"
  std::string format;  // "gguf", "mlx", "mlc"
  std::vector<std::string> quants;
  std::map<std::string, std::string> files;       // quantization -> file, where the file's name does not tell
  [[nodiscard]] std::string_view engine() const;  // the engine that opens the format
};

/// What decides size and speed, as the publisher's configuration gives it.
struct CatalogueShape {
  std::string architecture;
  std::uint32_t layers = 0, dim = 0, ffn = 0, heads = 0, kv_heads = 0, head_dim = 0, vocab = 0;
  bool tied = false;          // input and output embedding are one tensor
  bool output_twice = false;  // but the files hold it twice
};

struct CatalogueModel {
  std::string family, size;
  std::string title, by, licence;
  std::uint64_t n_parameters = 0;  // 0: unknown
  std::uint32_t n_ctx = 0;         // 0: unknown
  std::vector<std::string> languages, uses;
  std::vector<std::string> aliases;
  std::vector<CatalogueSource> sources;
  std::optional<CatalogueShape> shape;
  bool is_default = false;  // what the family's name alone means
  [[nodiscard]] std::string name() const { return family + ":" + size; }
  [[nodiscard]] const CatalogueSource* source(std::string_view format) const;
};

/// What a name of the catalogue leads to.
struct CatalogueChoice {
  const CatalogueModel* model = nullptr;
  std::string quant;  // as asked for, upper case; empty: the default
};

class Catalogue {
 public:
  /// The one that is compiled in.
  static Result<Catalogue> built_in();
  /// Hostile. `where` names the file in errors.
  static Result<Catalogue> parse(std::string_view json, std::string_view where);
  /// Families of `json` are added and replace models of the same name; with "replace": true nothing else remains.
  Status extend(std::string_view json, std::string_view where);

  [[nodiscard]] std::span<const CatalogueModel> models() const { return models_; }
  /// kFileNotFound with the name that was probably meant, or the nearest ones, when there is none.
  [[nodiscard]] Result<CatalogueChoice> find(const CatalogueName& name) const;
  /// Names that lead to a model: families, sizes, aliases, and these with the quantizations that the hub has.
  [[nodiscard]] std::vector<std::string> spellings() const;

 private:
  std::vector<CatalogueModel> models_;
};

/// The engine that opens files of this format, whether or not this build has it: "native", "mlx", "mlc", ...
std::string_view engine_of_format(std::string_view format);

}  // namespace hearth::library
