// The argument `attribute` of filters: "a.b.0", a number, or a list of them joined by commas.
#pragma once

#include <vector>

#include "text/jinja/evaluator.h"

namespace hearth::text::jinja {

class AttributePath {
 public:
  AttributePath(Evaluator& evaluator, const Value& path);
  /// What it reaches from `value`; `fallback`, where given, for what is undefined.
  Value of(Evaluator& evaluator, Value value, const Value* fallback = nullptr) const;

 private:
  std::vector<Value> parts_;
};

/// Filters compare text without regard to case unless asked to.
Value fold_case(Evaluator& evaluator, const Value& value, bool case_sensitive);

}  // namespace hearth::text::jinja
