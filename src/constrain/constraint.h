// What a text must be, from any source: a grammar to generate by and a check to judge by. Knows no vocabulary.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "constrain/grammar.h"

namespace hearth::constrain {

class JsonSchema;

/// The draft makes the keyword `format` an annotation when texts are judged; generation always enforces it.
enum class FormatCheck : std::uint8_t { kAnnotation, kAssertion };

/// Where a constraint begins to hold. Until one of these appears, any text is free.
struct Trigger {
  std::vector<std::string> special_names;  // special tokens, by name
  std::string text;                        // or these bytes; empty: none
};

/// Immutable and safe to share. Every source is hostile: it is answered with a constraint or an error within the caps
/// of limits.h, and what is not supported is refused by name (ErrorCode::kUnsupportedConstraint).
class Constraint {
 public:
  using Shared = std::shared_ptr<const Constraint>;

  /// JSON Schema, draft 2020-12. docs/structured-output.md lists the keywords.
  static Result<Shared> from_json_schema(std::string_view schema);
  /// The whole text matches an ECMA-262 pattern (as with the flag u).
  static Result<Shared> from_regex(std::string_view pattern);
  static Result<Shared> from_gbnf(std::string_view grammar);
  /// One of these texts.
  static Result<Shared> from_choices(std::span<const std::string> choices);
  /// Rules that were put together from several sources (Grammar::embed).
  static Result<Shared> from_grammar(Grammar grammar);
  /// Any JSON object.
  static Result<Shared> any_json_object();

  /// Free text in which `inner` holds from the trigger to the end.
  static Result<Shared> after(const Trigger& trigger, const Shared& inner);

  /// Whether a whole text fulfils the constraint. Of a schema this judges the parsed instance, whatever the order of
  /// its properties. An error where it cannot be decided within the caps.
  [[nodiscard]] Result<bool> accepts(std::string_view text, FormatCheck formats = FormatCheck::kAnnotation) const;

  /// The bytes of the shortest text that can be generated (a special token counts as one); an error where there is
  /// none.
  [[nodiscard]] Result<std::uint32_t> shortest_bytes() const;

  [[nodiscard]] const Grammar& grammar() const { return grammar_; }
  /// Of from_json_schema only, else null.
  [[nodiscard]] const JsonSchema* schema() const { return schema_.get(); }

 private:
  Constraint() = default;
  static Result<Shared> make(Grammar grammar, std::shared_ptr<const JsonSchema> schema);

  Grammar grammar_;
  std::shared_ptr<const JsonSchema> schema_;
  std::shared_ptr<const struct Program> program_;  // over all bytes, token names unresolved; null for a schema
};

}  // namespace hearth::constrain
