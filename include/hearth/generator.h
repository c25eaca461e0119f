// Generator: the noun at the level of messages. A local model with the generation loop, a cloud, or a router over both.
#pragma once

#include <functional>

#include "base/result.h"
#include "hearth/language_model.h"
#include "hearth/reply.h"
#include "hearth/request.h"

namespace hearth {

/// Receives events on the thread that called generate(); returns false to stop. Spans are valid during the call.
using EventSink = std::function<bool(const Event& event)>;

class Generator {
 public:
  virtual ~Generator() = default;
  /// Answers. May be called from several threads at once. An error means that nothing was said; a reply that was cut
  /// short is a reply. `cancelled` is asked at least once per token.
  virtual Result<Reply> generate(const Request& request, const EventSink& sink = {},
                                 const CancelCheck& cancelled = {}) = 0;
};

}  // namespace hearth
