// Strings that know where each of their bytes came from, so that text of users can never become a special token.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/arena.h"

namespace hearth::text::jinja {

enum class Origin : std::uint8_t {
  kTemplate,  // written by the template's author
  kData,      // given to the template: messages, tools, documents
  kMedia,     // a place that the caller marked in the data
};

/// Bytes up to `end` (from the end of the run before) have one origin.
struct Run {
  std::uint32_t end = 0;
  Origin origin = Origin::kTemplate;
};

/// An immutable string in an arena or in the values given: valid UTF-8, below 4 GiB.
struct Str {
  static constexpr std::uint32_t kUncounted = std::numeric_limits<std::uint32_t>::max();

  std::string_view bytes;
  std::span<const Run> runs;  // empty: all of it is of `origin`
  Origin origin = Origin::kTemplate;
  bool markup = false;  // marked by the filters safe and escape
  mutable std::uint32_t counted_chars = kUncounted;

  /// Characters, as Python counts them.
  [[nodiscard]] std::uint32_t n_chars() const;
  [[nodiscard]] bool is_ascii() const { return n_chars() == bytes.size(); }
  /// The byte at which character `idx` begins, idx <= n_chars().
  [[nodiscard]] std::uint32_t byte_of(std::uint32_t idx) const;
  [[nodiscard]] Origin origin_at(std::uint32_t byte) const;
};

/// Bytes [begin, end) of `str`: shares its memory.
const Str* slice_str(Arena& arena, const Str& str, std::size_t begin, std::size_t end);
/// A string of one origin whose bytes outlive the arena.
const Str* view_str(Arena& arena, std::string_view bytes, Origin origin);
/// The same with its bytes copied into the arena.
const Str* copy_str(Arena& arena, std::string_view bytes, Origin origin);

/// Puts strings together piece by piece, up to a limit of bytes.
class StrBuilder {
 public:
  explicit StrBuilder(Arena& arena) : StrBuilder(arena, arena.limit_bytes()) {}
  StrBuilder(Arena& arena, std::size_t limit_bytes) : arena_(&arena), limit_bytes_(limit_bytes) {}

  void append(std::string_view bytes, Origin origin);
  void append(const Str& str) { append(str, 0, str.bytes.size()); }
  /// Bytes [begin, end) of `str`.
  void append(const Str& str, std::size_t begin, std::size_t end);
  /// Everything so far counts as data: for texts that mix so closely that nothing in them is the author's any more.
  void taint_if_data();
  void mark_markup() { markup_ = true; }

  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] const std::vector<Run>& runs() const { return runs_; }
  [[nodiscard]] const Str* finish() const;
  [[nodiscard]] Arena& arena() const { return *arena_; }

 private:
  Arena* arena_;
  std::size_t limit_bytes_;
  std::string bytes_;
  std::vector<Run> runs_;
  bool markup_ = false;
};

}  // namespace hearth::text::jinja
