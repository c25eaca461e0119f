// JSON values as template values: all their text is data.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "text/jinja/evaluator.h"

namespace hearth::text::jinja {

/// Every member of `values` that the template names becomes a variable. `values` and `media_marker` must outlive the
/// rendering. Throws a Fault for what is nested too deeply.
void set_variables(Evaluator& evaluator, const nlohmann::ordered_json& values, std::string_view media_marker);

}  // namespace hearth::text::jinja
