// What tokens are by their names alone: ends of turns, fill-in-the-middle marks. Files often leave these unsaid.
#pragma once

#include "text/vocab_data.h"

namespace hearth::text {

/// Fills the special ids that `data` leaves open and its end-of-generation set from well-known names, and makes the
/// tokens so found control tokens (but not those that ordinary text merges to). Gives every token a type where there
/// are none. A rule set of experience, not of any standard: it follows the reference implementation, so that a model
/// stops where it stops there.
void settle_special_names(VocabData& data);

/// An added token for every control, unknown and user-defined token: the first two are only looked for on request.
void add_tokens_by_type(VocabData& data);

}  // namespace hearth::text
