// Reads one call at the beginning of a text that may still grow. A pure function of the text, so that it does not
// matter in which pieces the text came.
#pragma once

#include <string>
#include <string_view>

#include "generate/tools/call_format.h"
#include "generate/tools/call_values.h"
#include "generate/tools/tool_set.h"

namespace hearth::generate {

/// Whether the text may still grow.
enum class TextEnd : std::uint8_t { kGrows, kFinal };

struct ReadCall {
  Reading reading = Reading::kNo;
  std::size_t n_bytes = 0;  // kYes: of the text
  std::string name, id;
  bool id_comes_late = false;  // behind the arguments
  /// A JSON object. Of a call that is not complete: its beginning, when the name is known and it can only grow.
  std::string arguments;
  std::string why;  // kNo
};

/// Where a block of several calls stands.
struct CallBlock {
  bool in_list = false;  // "[" was seen, "]" was not
};

/// The beginning of a block and its first call.
ReadCall read_first_call(const CallFormat& format, const ToolSet& tools, std::string_view text, TextEnd end,
                         CallBlock& block);
/// What follows a call: another one; kYes without a name: the block ends after n_bytes.
ReadCall read_next_call(const CallFormat& format, const ToolSet& tools, std::string_view text, TextEnd end,
                        const CallBlock& block);

/// Checks and completes arguments that were read: an object, or a string that holds one. False: neither.
bool settle_arguments(std::string& arguments);

}  // namespace hearth::generate
