// Metadata as text and JSON.
#include "cli/metadata_text.h"

#include <algorithm>
#include <variant>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kShownElements = 8;

Json scalar(const MetadataValue& value) {
  return std::visit(
      [](const auto& v) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(v)>, MetadataArray>) {
          return nullptr;
        } else {
          return v;
        }
      },
      value.value);
}

Json value_json(const MetadataValue& value) {
  const auto* array = std::get_if<MetadataArray>(&value.value);
  if (!array) return scalar(value);
  Json first = Json::array();
  const std::uint64_t n = std::min<std::uint64_t>(array->count, kShownElements);
  for (std::uint64_t i = 0; i < n; ++i)
    first.push_back(array->element == ValueType::kString ? Json(array->strings()[i])
                                                         : scalar(array_element(*array, i)));
  return {{"count", array->count}, {"first", first}};
}

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

}  // namespace

std::string metadata_text(const ModelFile& file) {
  constexpr std::size_t kLongest = 160;
  std::string out;
  for (std::size_t i = 0; i < file.n_metadata(); ++i) {
    const MetadataEntry entry = file.metadata(i);
    std::string value = dumped(value_json(entry.value));
    if (value.size() > kLongest) value = value.substr(0, kLongest) + "...";
    out += fmt::format("{:48} {:20} {}\n", quote_untrusted(entry.key), describe_type(entry.value), value);
  }
  return out;
}

std::string metadata_json(const ModelFile& file) {
  Json object = Json::object();
  for (std::size_t i = 0; i < file.n_metadata(); ++i) {
    const MetadataEntry entry = file.metadata(i);
    object[std::string(entry.key)] = value_json(entry.value);
  }
  return dumped(object);
}

}  // namespace hearth::cli
