// What `hearth run` says about an answer: JSON for programs, lines for people.
#pragma once

#include <string>
#include <vector>

#include "hearth/tools.h"
#include "hearth/vocabulary.h"

namespace hearth::cli {

/// {"text", "reason", "tokens", ..., "receipt"} of the last reply, and the results of tools.
std::string run_json(const ToolRun& run, const Vocabulary& vocabulary);
/// {"name": ..., "arguments": {...}}
std::string call_json(const ToolCall& call);
/// What a person must know: what was ignored, cut or given up.
std::vector<std::string> remarks(const ToolRun& run);
/// "prompt 5 tokens, 80.0 tok/s prefill; ttft 0.060 s; 20 tokens, 30.0 tok/s decode; stop; seed 7"
std::string timing_line(const Reply& reply);

}  // namespace hearth::cli
