// Careful access to hostile JSON: a member of the right type, a default, or an error that names the component.
#pragma once

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/utf8.h"

namespace hearth::text {

/// A component of tokenizer.json and where it stands, for messages.
class HfObject {
 public:
  HfObject(const nlohmann::json& json, std::string_view place) : json_(json), place_(place) {}

  [[nodiscard]] std::string type() const {
    const nlohmann::json* found = find("type");
    return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
  }
  /// The member, or null where it is absent or JSON null.
  [[nodiscard]] const nlohmann::json* find(const char* key) const {
    if (!json_.is_object()) return nullptr;
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }
  [[nodiscard]] Result<std::string> string(const char* key) const {
    const nlohmann::json* found = find(key);
    if (found == nullptr || !found->is_string()) return bad(fmt::format("\"{}\" should be a string", key));
    return found->get<std::string>();
  }
  [[nodiscard]] Result<std::string> string_or(const char* key, std::string_view fallback) const {
    if (find(key) == nullptr) return std::string(fallback);
    return string(key);
  }
  [[nodiscard]] Result<bool> boolean(const char* key, bool fallback) const {
    const nlohmann::json* found = find(key);
    if (found == nullptr) return fallback;
    if (!found->is_boolean()) return bad(fmt::format("\"{}\" should be true or false", key));
    return found->get<bool>();
  }
  [[nodiscard]] Result<std::uint32_t> count(const char* key, std::uint32_t fallback) const {
    const nlohmann::json* found = find(key);
    if (found == nullptr) return fallback;
    if (!found->is_number_unsigned() || found->get<std::uint64_t>() > 0x7FFFFFFF) {
      return bad(fmt::format("\"{}\" should be a whole number below 2^31", key));
    }
    return static_cast<std::uint32_t>(found->get<std::uint64_t>());
  }
  [[nodiscard]] Result<const nlohmann::json*> array(const char* key) const {
    const nlohmann::json* found = find(key);
    if (found == nullptr || !found->is_array()) return bad(fmt::format("\"{}\" should be a list", key));
    return found;
  }

  [[nodiscard]] std::unexpected<Error> bad(std::string_view what) const {
    return fail(ErrorCode::kCorruptedModel,
                fmt::format("reading tokenizer.json: {} {}: {}", place_, shown_type(), what));
  }
  [[nodiscard]] std::unexpected<Error> unsupported(std::string_view known) const {
    return fail(ErrorCode::kUnsupportedModel,
                fmt::format("reading tokenizer.json: the {} {} is not supported; supported are {}", place_,
                            shown_type(), known));
  }

 private:
  [[nodiscard]] std::string shown_type() const { return '"' + to_valid_utf8(type().substr(0, 60)) + '"'; }

  const nlohmann::json& json_;
  std::string_view place_;
};

/// Components nest (Sequence in Sequence); deeper than this none does.
inline constexpr int kMaxComponentDepth = 16;

}  // namespace hearth::text
