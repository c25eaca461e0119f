// Makes a conversation fit the context, in the way that the caller chose.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "base/result.h"
#include "hearth/request.h"

namespace hearth::generate {

struct FittedMessages {
  std::vector<Message> messages;
  std::vector<std::size_t> dropped;  // indices into the messages that were given, ascending
};

/// How many tokens the prompt for these messages has.
using CountTokens = std::function<Result<std::size_t>(const std::vector<Message>& messages)>;

/// Messages whose prompt has at most `n_max` tokens. System and developer messages and the last turn always stay; a
/// turn is a user's message with all that follows it up to the next. An error says by how much it is too long.
Result<FittedMessages> fit_context(const std::vector<Message>& messages, const ContextPolicy& policy, std::size_t n_max,
                                   const CountTokens& count);

}  // namespace hearth::generate
