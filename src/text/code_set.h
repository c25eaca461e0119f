// A set of code points as sorted ranges: what a character class of a split pattern means.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace hearth::text {

inline constexpr std::uint32_t kLastCode = 0x10FFFF;

class CodeSet {
 public:
  struct Range {
    std::uint32_t first = 0, last = 0;  // inclusive
    bool operator==(const Range&) const = default;
  };

  CodeSet() = default;
  bool operator==(const CodeSet&) const = default;
  explicit CodeSet(std::vector<Range> ranges);  // in any order, may overlap

  static CodeSet single(std::uint32_t code) { return CodeSet({{code, code}}); }
  static CodeSet white_space();
  static CodeSet word();  // \w as Oniguruma has it
  /// \p{NAME}: a category ("L", "Lu"), "Any", "Alphabetic"-like names that tokenizers use, or a script we know.
  static std::optional<CodeSet> property(std::string_view name);

  [[nodiscard]] const std::vector<Range>& ranges() const { return ranges_; }
  [[nodiscard]] bool contains(std::uint32_t code) const;
  [[nodiscard]] bool empty() const { return ranges_.empty(); }

  [[nodiscard]] CodeSet united(const CodeSet& other) const;
  [[nodiscard]] CodeSet intersected(const CodeSet& other) const;
  [[nodiscard]] CodeSet complement() const;
  /// With every character that differs from a member only in case (Unicode simple case folding).
  [[nodiscard]] CodeSet case_closed() const;

 private:
  std::vector<Range> ranges_;  // ascending, neither touching nor overlapping
};

}  // namespace hearth::text
