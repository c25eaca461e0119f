// Reading the catalogue strictly, key by key, and finding names in it.
#include "library/names/catalogue.h"

#include <algorithm>
#include <set>

#include "library/names/catalogue_data.h"
#include "library/names/nearest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace hearth::library {

namespace {

using Json = nlohmann::json;

/// One object of the file with the place of it for errors. Keys are read once; one that nobody read is an error.
class Fields {
 public:
  Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

  [[nodiscard]] Status check_object() const {
    return object_.is_object() ? Status() : fail_at("", "must be an object");
  }
  Status text(const char* key, std::string& into, std::size_t most = 200) {
    const Json* value = take(key);
    if (!value) return {};
    if (!value->is_string()) return fail_at(key, "must be a text");
    into = value->get<std::string>();
    if (into.empty() || into.size() > most) return fail_at(key, fmt::format("must have 1 to {} bytes", most));
    return {};
  }
  Status texts(const char* key, std::vector<std::string>& into) {
    const Json* value = take(key);
    if (!value) return {};
    if (!value->is_array() || value->size() > 64) return fail_at(key, "must be a list of at most 64 texts");
    into.clear();
    for (const Json& entry : *value) {
      if (!entry.is_string()) return fail_at(key, "must be a list of texts");
      into.push_back(entry.get<std::string>());
    }
    return {};
  }
  template <typename Number>
  Status number(const char* key, Number& into) {
    const Json* value = take(key);
    if (!value) return {};
    if (!value->is_number_unsigned() || *value > std::numeric_limits<Number>::max())
      return fail_at(key, "must be a whole number");
    into = value->get<Number>();
    return {};
  }
  Status flag(const char* key, bool& into) {
    const Json* value = take(key);
    if (!value) return {};
    if (!value->is_boolean()) return fail_at(key, "must be true or false");
    into = value->get<bool>();
    return {};
  }
  const Json* take(const char* key) {
    seen_.insert(key);
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }
  [[nodiscard]] Status finish() const {
    for (const auto& [key, value] : object_.items()) {
      if (!seen_.contains(key)) return fail_at(key, "is not a key of the catalogue");
    }
    return {};
  }
  [[nodiscard]] std::unexpected<Error> fail_at(std::string_view key, std::string_view why) const {
    return fail(ErrorCode::kInvalidFile, fmt::format("{}{}{} {}", where_, key.empty() ? "" : ", ", harmless(key), why));
  }
  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  const Json& object_;
  std::string where_;
  std::set<std::string, std::less<>> seen_;
};

constexpr std::string_view kFormats[] = {"gguf", "mlx",      "mlc",        "safetensors",
                                         "onnx", "litertlm", "executorch", "coreml"};

Result<CatalogueSource> parse_source(const Json& json, const std::string& where) {
  Fields fields(json, where);
  CatalogueSource source;
  HEARTH_CHECK(fields.check_object());
  HEARTH_CHECK(fields.text("repo", source.repo));
  HEARTH_CHECK(fields.text("format", source.format));
  HEARTH_CHECK(fields.texts("quants", source.quants));
  if (const Json* files = fields.take("files")) {
    if (!files->is_object()) return fields.fail_at("files", "must map quantizations to files");
    for (const auto& [quant, file] : files->items()) {
      if (!file.is_string() || !check_repository_path(file.get<std::string>()))
        return fields.fail_at("files", "must map quantizations to files of the repository");
      source.files[quant] = file.get<std::string>();
    }
  }
  HEARTH_CHECK(fields.finish());
  const auto parsed = parse_model_name("hf:" + source.repo);
  if (!parsed || !std::get<HubName>(*parsed).revision.empty() || source.repo.find(':') != std::string::npos)
    return fields.fail_at("repo", "must be owner/repository");
  if (std::ranges::find(kFormats, source.format) == std::end(kFormats))
    return fields.fail_at("format", fmt::format("must be one of {}", fmt::join(kFormats, ", ")));
  return source;
}

Result<CatalogueShape> parse_shape(const Json& json, const std::string& where) {
  Fields fields(json, where + ", shape");
  CatalogueShape shape;
  HEARTH_CHECK(fields.check_object());
  HEARTH_CHECK(fields.text("architecture", shape.architecture));
  HEARTH_CHECK(fields.number("layers", shape.layers));
  HEARTH_CHECK(fields.number("dim", shape.dim));
  HEARTH_CHECK(fields.number("ffn", shape.ffn));
  HEARTH_CHECK(fields.number("heads", shape.heads));
  HEARTH_CHECK(fields.number("kv_heads", shape.kv_heads));
  HEARTH_CHECK(fields.number("head_dim", shape.head_dim));
  HEARTH_CHECK(fields.number("vocab", shape.vocab));
  HEARTH_CHECK(fields.flag("tied", shape.tied));
  HEARTH_CHECK(fields.flag("output_twice", shape.output_twice));
  HEARTH_CHECK(fields.finish());
  for (const std::uint32_t n :
       {shape.layers, shape.dim, shape.ffn, shape.heads, shape.kv_heads, shape.head_dim, shape.vocab}) {
    if (n == 0 || n > 1u << 24) return fields.fail_at("", "must give every size, none of them zero or absurd");
  }
  return shape;
}

/// What a family says for all its models and a model may say otherwise.
Status read_shared(Fields& fields, CatalogueModel& model) {
  HEARTH_CHECK(fields.text("title", model.title));
  HEARTH_CHECK(fields.text("by", model.by));
  HEARTH_CHECK(fields.text("licence", model.licence));
  HEARTH_CHECK(fields.number("context", model.n_ctx));
  HEARTH_CHECK(fields.texts("languages", model.languages));
  return fields.texts("uses", model.uses);
}

Status check_name(const Fields& fields, const char* key, const std::string& name) {
  const auto parsed = parse_own_name(name);
  if (!parsed || !parsed->tag.empty() || parsed->name != name)
    return fields.fail_at(
        key, fmt::format("\"{}\" must be lower case letters, digits, \".\", \"_\" and \"-\"", harmless(name)));
  return {};
}

Result<CatalogueModel> parse_model(const Json& json, const CatalogueModel& family, const std::string& where) {
  Fields fields(json, where);
  CatalogueModel model = family;
  HEARTH_CHECK(fields.check_object());
  HEARTH_CHECK(fields.text("size", model.size));
  HEARTH_CHECK(read_shared(fields, model));
  HEARTH_CHECK(fields.number("parameters", model.n_parameters));
  HEARTH_CHECK(fields.texts("aliases", model.aliases));
  HEARTH_CHECK(check_name(fields, "size", model.size));
  for (const std::string& alias : model.aliases) HEARTH_CHECK(check_name(fields, "aliases", alias));
  if (const Json* shape = fields.take("shape")) {
    HEARTH_TRY(model.shape, parse_shape(*shape, where));
  }
  const Json* sources = fields.take("sources");
  if (!sources || !sources->is_array() || sources->empty() || sources->size() > 64)
    return fields.fail_at("sources", "must be a list with at least one repository");
  for (const Json& entry : *sources) {
    HEARTH_TRY(CatalogueSource source,
               parse_source(entry, fmt::format("{}, source {}", where, model.sources.size() + 1)));
    model.sources.push_back(std::move(source));
  }
  HEARTH_CHECK(fields.finish());
  return model;
}

Status parse_family(const Json& json, const std::string& where, std::vector<CatalogueModel>& into) {
  Fields fields(json, where);
  CatalogueModel family;
  std::string chosen;
  HEARTH_CHECK(fields.check_object());
  HEARTH_CHECK(fields.text("name", family.family));
  HEARTH_CHECK(read_shared(fields, family));
  HEARTH_CHECK(fields.text("default", chosen));
  HEARTH_CHECK(check_name(fields, "name", family.family));
  const Json* models = fields.take("models");
  if (!models || !models->is_array() || models->empty() || models->size() > 256)
    return fields.fail_at("models", "must be a list with at least one model");
  HEARTH_CHECK(fields.finish());
  bool found = false;
  for (std::size_t i = 0; i < models->size(); ++i) {
    HEARTH_TRY(CatalogueModel model,
               parse_model((*models)[i], family, fmt::format("{} ({}), model {}", where, family.family, i + 1)));
    model.is_default = chosen.empty() ? i == 0 : model.size == chosen;
    found |= model.is_default;
    into.push_back(std::move(model));
  }
  if (!found) return fields.fail_at("default", "names no size of the family");
  return {};
}

Result<std::vector<CatalogueModel>> parse_models(std::string_view text, std::string_view where, bool& replaces) {
  constexpr std::size_t kMostBytes = 4u << 20, kDeepest = 16;
  const std::string place = fmt::format("the catalogue {}", where);
  if (text.size() > kMostBytes) return fail(ErrorCode::kInvalidFile, place + " is larger than 4 MiB");
  std::size_t depth = 0;
  const Json json = Json::parse(
      text,
      [&](int level, Json::parse_event_t, Json&) {
        return (depth = std::max(depth, static_cast<std::size_t>(level))) < kDeepest;
      },
      /*allow_exceptions=*/false);
  if (!json.is_object() || depth >= kDeepest) return fail(ErrorCode::kInvalidFile, place + " is not a JSON object");
  Fields fields(json, place);
  std::uint32_t version = 0;
  HEARTH_CHECK(fields.number("hearth_catalogue", version));
  if (version != 1) return fields.fail_at("hearth_catalogue", "must be 1");
  HEARTH_CHECK(fields.flag("replace", replaces));
  const Json* families = fields.take("families");
  if (!families || !families->is_array() || families->size() > 4096)
    return fields.fail_at("families", "must be a list");
  HEARTH_CHECK(fields.finish());
  std::vector<CatalogueModel> models;
  for (std::size_t i = 0; i < families->size(); ++i)
    HEARTH_CHECK(parse_family((*families)[i], fmt::format("{}, family {}", place, i + 1), models));
  return models;
}

std::string upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

/// "3b-q8_0" or "3b" after the size; nothing when the tag means neither.
std::optional<std::string> quant_after(std::string_view tag, std::string_view size) {
  if (!tag.starts_with(size)) return std::nullopt;
  tag.remove_prefix(size.size());
  for (const std::string_view word : {"-instruct", "-it", "-chat"}) {
    if (tag.starts_with(word)) tag.remove_prefix(word.size());
  }
  if (tag.empty()) return "";
  if (tag.front() != '-' || !looks_like_quant(tag.substr(1))) return std::nullopt;
  return upper(std::string(tag.substr(1)));
}

/// How many letters in a row two names share at their start.
std::size_t common_start(std::string_view a, std::string_view b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace

std::string_view engine_of_format(std::string_view format) {
  if (format == "gguf") return "native";
  if (format == "litertlm") return "litert-lm";
  if (format == "safetensors") return "mlx";
  if (format == "onnx") return "onnxruntime";
  return format;  // mlx, mlc, executorch, coreml: engine and format share a name
}

std::string_view CatalogueSource::engine() const {
  return engine_of_format(format);
}

const CatalogueSource* CatalogueModel::source(std::string_view format) const {
  const auto found = std::ranges::find(sources, format, &CatalogueSource::format);
  return found == sources.end() ? nullptr : &*found;
}

Result<Catalogue> Catalogue::built_in() {
  return parse(kCatalogueJson, "of this build");
}

Result<Catalogue> Catalogue::parse(std::string_view json, std::string_view where) {
  Catalogue catalogue;
  HEARTH_CHECK(catalogue.extend(json, where));
  return catalogue;
}

Status Catalogue::extend(std::string_view json, std::string_view where) {
  bool replaces = false;
  HEARTH_TRY(std::vector<CatalogueModel> added, parse_models(json, where, replaces));
  if (replaces) models_.clear();
  for (CatalogueModel& model : added) {
    const auto same =
        std::ranges::find_if(models_, [&](const CatalogueModel& old) { return old.name() == model.name(); });
    if (model.is_default) {
      for (CatalogueModel& old : models_) old.is_default &= old.family != model.family;
    }
    if (same != models_.end()) {
      *same = std::move(model);
    } else {
      models_.push_back(std::move(model));
    }
  }
  return {};
}

Result<CatalogueChoice> Catalogue::find(const CatalogueName& name) const {
  for (const CatalogueModel& model : models_) {
    if (model.family == name.name) {
      if (name.tag.empty() && model.is_default) return CatalogueChoice{.model = &model};
      if (model.is_default && looks_like_quant(name.tag)) return CatalogueChoice{&model, upper(name.tag)};
      if (auto quant = quant_after(name.tag, model.size)) return CatalogueChoice{&model, std::move(*quant)};
    }
    for (const std::string& alias : model.aliases) {
      if (alias != name.name) continue;
      if (name.tag.empty() || looks_like_quant(name.tag)) return CatalogueChoice{&model, upper(name.tag)};
    }
  }
  std::vector<std::string> near;
  for (const CatalogueModel& model : models_) {
    if (model.family == name.name || common_start(model.family, name.name) >= 3) near.push_back(model.name());
  }
  if (near.size() > 8) near.resize(8);
  std::string hint = did_you_mean(canonical_name(name), spellings());
  if (hint.empty() && !near.empty()) hint = fmt::format(" (near: {})", fmt::join(near, ", "));
  return fail(ErrorCode::kFileNotFound,
              fmt::format("no model is called \"{}\"{}; `hearth list --catalogue` shows the known ones, and "
                          "hf:owner/repo names any other",
                          canonical_name(name), hint));
}

std::vector<std::string> Catalogue::spellings() const {
  std::vector<std::string> all;
  for (const CatalogueModel& model : models_) {
    std::vector<std::string> words = {model.name()};
    for (const std::string& alias : model.aliases) words.push_back(alias);
    if (model.is_default) words.push_back(model.family);
    const CatalogueSource* source = model.source("gguf");
    for (const std::string& word : words) {
      all.push_back(word);
      for (const std::string& quant : source ? source->quants : std::vector<std::string>()) {
        const auto name = parse_own_name(word + (word == model.name() ? "-" : ":") + quant);
        if (name) all.push_back(canonical_name(*name));
      }
    }
  }
  return all;
}

}  // namespace hearth::library
