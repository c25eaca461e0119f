// Tells calls of tools from text in an answer that arrives in pieces. Nothing is lost: what is no call after all is
// text, with a note.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "generate/shown_text.h"
#include "generate/tools/call_format.h"
#include "generate/tools/call_reader.h"
#include "generate/tools/tool_set.h"

namespace hearth::generate {

/// When a call is told.
enum class CallTelling : std::uint8_t {
  kWhole,    // when it is complete: until then it may turn out to be text
  kGrowing,  // from its name on: for answers whose calls are held to their format while they are drawn
};

struct CallParserOptions {
  const CallFamily* family = nullptr;
  std::shared_ptr<const ToolSet> tools;  // may be empty: then calls are text
  CallTelling telling = CallTelling::kWhole;
  std::vector<std::string> taken_ids;  // of calls earlier in the conversation
};

/// Feed pieces, show what comes back. Calls, text and notes do not depend on how the answer was cut into pieces. White
/// space beside calls is not shown.
class CallParser {
 public:
  virtual ~CallParser() = default;
  virtual ShownText feed(std::string_view piece) = 0;
  /// What was held back, when no more text will come.
  virtual ShownText flush() = 0;
};

std::unique_ptr<CallParser> make_call_parser(CallParserOptions options);

/// What both kinds of parsers do with a call: an id, a place in the order, notes about faults.
class CallTeller {
 public:
  explicit CallTeller(const CallParserOptions& options)
      : tools_(options.tools), telling_(options.telling), taken_ids_(options.taken_ids) {}

  /// The call as far as it has been read; kYes completes it.
  void tell(const ReadCall& call, ShownText& shown);
  /// What was told of a call that is none is taken back.
  void withdraw(ShownText& shown);
  /// The same, where the text stands in the answer now: a note says why.
  void drop(ShownText& shown, std::string_view why);

 private:
  std::string free_id(const std::string& wish);

  std::shared_ptr<const ToolSet> tools_;
  CallTelling telling_;
  std::vector<std::string> taken_ids_;
  std::size_t n_calls_ = 0, n_ids_ = 0, n_ids_before_ = 0;  // before the call that is being told
  bool begun_ = false;                                      // the call at n_calls_ has been told
  std::size_t n_told_ = 0;                                  // bytes of its arguments
};

}  // namespace hearth::generate
