// The flags of one command, declared in plain lines; the parsing library stays behind this header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/outcome.h"

namespace hearth::cli {

enum class Presence : std::uint8_t { kRequired, kOptional };

/// Every declaration binds a variable, which keeps its value as the default and must outlive parse().
class Flags {
 public:
  Flags(std::string_view command, std::string_view description, std::string_view examples);
  ~Flags();
  Flags(const Flags&) = delete;
  Flags& operator=(const Flags&) = delete;

  /// A positional argument.
  void argument(const std::string& name, std::string& value, const std::string& help);
  void argument(const std::string& name, std::optional<std::string>& value, const std::string& help);
  /// A positional argument that names a model: a path, or a name of the library, which has become a path when the
  /// command runs.
  void model(const std::string& name, std::string& value, const std::string& help);
  void model(const std::string& name, std::optional<std::string>& value, const std::string& help);
  /// The same, with the word itself in `typed`.
  void model(const std::string& name, std::string& value, std::string& typed, const std::string& help);
  void model(const std::string& name, std::optional<std::string>& value, std::string& typed, const std::string& help);
  /// The models that were given; asked for once, before names become paths.
  [[nodiscard]] std::vector<std::string*> models() const;
  void text(const std::string& flag, std::string& value, const std::string& placeholder, const std::string& help);
  /// May be given several times.
  void texts(const std::string& flag, std::vector<std::string>& values, const std::string& placeholder,
             const std::string& help);
  void choice(const std::string& flag, std::string& value, std::vector<std::string> choices, const std::string& help);
  void count(const std::string& flag, std::size_t& value, std::size_t min, std::size_t max, const std::string& help);
  void count(const std::string& flag, std::optional<std::size_t>& value, std::size_t min, std::size_t max,
             const std::string& help);
  /// Whole numbers separated by commas; at least one.
  void counts(const std::string& flag, std::vector<std::size_t>& values, std::size_t min, std::size_t max,
              const std::string& help);
  void integer(const std::string& flag, std::int32_t& value, std::int32_t min, std::int32_t max,
               const std::string& help);
  void integer(const std::string& flag, std::optional<std::int32_t>& value, std::int32_t min, std::int32_t max,
               const std::string& help);
  void number(const std::string& flag, float& value, float min, float max, const std::string& help);
  void number(const std::string& flag, std::optional<float>& value, float min, float max, const std::string& help);
  void toggle(const std::string& flag, bool& value, const std::string& help);

  /// What is left to do after parsing: run the command, or exit with a code because help was printed.
  Checked<std::optional<int>> parse(std::span<const char* const> arguments);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A whole number in [min, max], digits only.
Result<std::uint64_t> parse_count(std::string_view text, std::uint64_t min, std::uint64_t max);

}  // namespace hearth::cli
