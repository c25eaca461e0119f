// Members of a JSON object, checked one by one.
#include "text/hf_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "text/utf8.h"

namespace hearth::text {

using nlohmann::json;

std::string HfObject::type() const {
  const json* found = find("type");
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

const json* HfObject::find(const char* key) const {
  if (!json_.is_object()) return nullptr;
  const auto found = json_.find(key);
  return found == json_.end() || found->is_null() ? nullptr : &*found;
}

Result<std::string> HfObject::string(const char* key) const {
  const json* found = find(key);
  if (found == nullptr || !found->is_string()) return bad(fmt::format("\"{}\" should be a string", key));
  return found->get<std::string>();
}

Result<std::string> HfObject::string_or(const char* key, std::string_view fallback) const {
  if (find(key) == nullptr) return std::string(fallback);
  return string(key);
}

Result<bool> HfObject::boolean(const char* key, bool fallback) const {
  const json* found = find(key);
  if (found == nullptr) return fallback;
  if (!found->is_boolean()) return bad(fmt::format("\"{}\" should be true or false", key));
  return found->get<bool>();
}

Result<std::uint32_t> HfObject::count(const char* key, std::uint32_t fallback) const {
  const json* found = find(key);
  if (found == nullptr) return fallback;
  if (!found->is_number_unsigned() || found->get<std::uint64_t>() > 0x7FFFFFFF) {
    return bad(fmt::format("\"{}\" should be a whole number below 2^31", key));
  }
  return static_cast<std::uint32_t>(found->get<std::uint64_t>());
}

Result<const json*> HfObject::array(const char* key) const {
  const json* found = find(key);
  if (found == nullptr || !found->is_array()) return bad(fmt::format("\"{}\" should be a list", key));
  return found;
}

std::unexpected<Error> HfObject::bad(std::string_view what) const {
  return fail(ErrorCode::kCorruptedModel, fmt::format("reading tokenizer.json: {} {}: {}", place_, shown_type(), what));
}

std::unexpected<Error> HfObject::unsupported(std::string_view known) const {
  return fail(
      ErrorCode::kUnsupportedModel,
      fmt::format("reading tokenizer.json: the {} {} is not supported; supported are {}", place_, shown_type(), known));
}

std::string HfObject::shown_type() const {
  return '"' + to_valid_utf8(type().substr(0, 60)) + '"';
}

}  // namespace hearth::text
