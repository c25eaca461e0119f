// What commands say about chat templates: which one, and what time it is.
#pragma once

#include <ctime>
#include <string>

#include "base/result.h"
#include "text/chat_template.h"
#include "text/template_names.h"

namespace hearth::cli {

/// The name of a built-in template or a file that holds one, as given; a file wins.
Status read_given_template(const std::string& given, text::TemplateCandidates& candidates);

text::LocalTime as_local(const std::tm& moment);
text::LocalTime time_here();

}  // namespace hearth::cli
