// Careful access to hostile JSON: a member of the right type, a default, or an error that names the component.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hearth::text {

/// A component of tokenizer.json and where it stands, for messages. The JSON must outlive it.
class HfObject {
 public:
  HfObject(const nlohmann::json& json, std::string_view place) : json_(json), place_(place) {}

  /// Its "type", or nothing.
  [[nodiscard]] std::string type() const;
  /// The member, or null where it is absent or JSON null.
  [[nodiscard]] const nlohmann::json* find(const char* key) const;
  [[nodiscard]] Result<std::string> string(const char* key) const;
  [[nodiscard]] Result<std::string> string_or(const char* key, std::string_view fallback) const;
  [[nodiscard]] Result<bool> boolean(const char* key, bool fallback) const;
  /// A whole number below 2^31.
  [[nodiscard]] Result<std::uint32_t> count(const char* key, std::uint32_t fallback) const;
  [[nodiscard]] Result<const nlohmann::json*> array(const char* key) const;

  [[nodiscard]] std::unexpected<Error> bad(std::string_view what) const;
  [[nodiscard]] std::unexpected<Error> unsupported(std::string_view known) const;

 private:
  [[nodiscard]] std::string shown_type() const;

  const nlohmann::json& json_;
  std::string_view place_;
};

/// Components nest (Sequence in Sequence); deeper than this none does.
inline constexpr int kMaxComponentDepth = 16;

}  // namespace hearth::text
