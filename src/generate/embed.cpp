// One pass over the text, pooled as the model says, and brought to length 1.
#include "generate/embed.h"

#include <cmath>

#include <fmt/format.h>

namespace hearth::generate {

Result<std::vector<float>> embed(LanguageModel& model, std::string_view text) {
  if (model.capabilities().kind != Capabilities::Kind::kEncoder) {
    return fail(
        ErrorCode::kUnsupportedModel,
        fmt::format("{} is no embedding model; take one that is, such as a BERT or a nomic-embed", model.info().name));
  }
  if (model.vocabulary() == nullptr) return fail(ErrorCode::kUnsupportedModel, "this model has no tokenizer");
  const std::vector<Token> tokens = model.vocabulary()->encode(text, {});
  if (tokens.empty()) return fail(ErrorCode::kInvalidArgument, "an empty text has no meaning to embed");
  HEARTH_TRY(const SequenceId id, model.create_sequence({}));
  const ScopedSequence sequence(model, id);
  const Item item{.sequence = id, .tokens = tokens, .span = Item::Span::kBidirectional};
  const Want want{.kind = Want::Kind::kPooled};
  RowCollector rows;
  HEARTH_CHECK(model.evaluate({&item, 1}, {&want, 1}, rows));
  std::vector<float> values = std::move(rows.rows.at(0));
  double square = 0;
  for (const float value : values) square += static_cast<double>(value) * value;
  const double length = std::sqrt(square);
  if (!(length > 0)) return values;
  for (float& value : values) value = static_cast<float>(value / length);
  return values;
}

}  // namespace hearth::generate
