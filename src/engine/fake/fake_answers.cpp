// What the fake model answers: pure functions of a sequence's tokens and the script.
#include <algorithm>

#include "base/hash.h"
#include "engine/fake/fake_model.h"
#include "engine/top_tokens.h"

namespace hearth::fake {

namespace {

/// A number in [-1, 1) from a hash.
float unit(std::uint64_t bits) {
  return static_cast<float>(bits >> 40) * 0x1p-23f - 1.0f;
}

std::uint64_t hash_of(std::span<const Token> history) {
  Hash64 hash;
  hash.add(std::as_bytes(history));
  return hash.value();
}

float value_at(std::uint64_t seed, std::uint64_t idx) {
  Hash64 hash;
  hash.add(seed);
  hash.add(idx);
  return unit(hash.value());
}

/// How many tokens of `say` the history has already said after `after`, or nothing when the reply does not fit.
std::optional<std::size_t> progress(const Reply& reply, std::span<const Token> history) {
  for (std::size_t said = reply.say.size() + 1; said-- > 0;) {
    const std::size_t needed = reply.after.size() + said;
    if (needed > history.size()) continue;
    const auto tail = history.last(needed);
    if (std::ranges::equal(tail.first(reply.after.size()), reply.after) &&
        std::ranges::equal(tail.subspan(reply.after.size()), std::span(reply.say).first(said)))
      return said;
  }
  return std::nullopt;
}

std::optional<Token> scripted_token(std::span<const Reply> replies, std::span<const Token> history) {
  const Reply* best = nullptr;
  std::size_t best_said = 0;
  for (const Reply& reply : replies) {
    const auto said = progress(reply, history);
    if (!said) continue;
    if (best && (*said < best_said || (*said == best_said && reply.after.size() <= best->after.size()))) continue;
    best = &reply;
    best_said = *said;
  }
  if (!best) return std::nullopt;
  return best_said < best->say.size() ? best->say[best_said] : kEos;
}

}  // namespace

void FakeModel::fill_logits(std::span<const Token> history, std::span<float> logits) const {
  if (script_.logits) return script_.logits(history, logits);
  constexpr float kChosen = 20.0f;  // above all others, which lie in [-1, 1)
  const std::uint64_t seed = hash_of(history);
  for (std::size_t t = 0; t < logits.size(); ++t) logits[t] = value_at(seed, t);
  if (const auto token = scripted_token(script_.replies, history)) logits[static_cast<std::size_t>(*token)] = kChosen;
}

void FakeModel::fill_hidden(std::span<const Token> history, std::span<float> hidden) const {
  const std::uint64_t seed = hash_of(history);
  for (std::size_t i = 0; i < hidden.size(); ++i) hidden[i] = value_at(seed, kVocabSize + i);
}

void FakeModel::answer(std::span<const Item> items, std::span<const Want> wants, OutputSink& sink) const {
  for (std::size_t i = 0; i < items.size(); ++i) {
    std::vector<Token> history = sequences_.at(items[i].sequence).tokens;
    const std::size_t before = history.size();
    history.insert(history.end(), items[i].tokens.begin(), items[i].tokens.end());
    std::vector<std::size_t> order;
    for (std::size_t w = 0; w < wants.size(); ++w) {
      if (wants[w].item_idx == i) order.push_back(w);
    }
    std::ranges::stable_sort(order, {}, [&](std::size_t w) { return wants[w].row; });
    for (const std::size_t w : order) {
      const bool whole =
          wants[w].kind == Want::Kind::kPooled || script_.capabilities.kind == Capabilities::Kind::kEncoder;
      const auto seen = std::span<const Token>(history).first(whole ? history.size() : before + wants[w].row + 1);
      if (wants[w].kind == Want::Kind::kHidden || wants[w].kind == Want::Kind::kPooled) {
        std::vector<float> hidden(script_.dim);
        std::vector<Token> place(seen.begin(), seen.end());  // an encoder sees everything, yet rows differ
        if (wants[w].kind == Want::Kind::kHidden) place.push_back(static_cast<Token>(wants[w].row));
        fill_hidden(place, hidden);
        sink.row(w, hidden);
        continue;
      }
      std::vector<float> logits(kVocabSize);
      fill_logits(seen, logits);
      if (wants[w].kind == Want::Kind::kLogits) {
        sink.row(w, logits);
      } else {
        deliver_top_tokens(wants[w], w, logits, sink);
      }
    }
  }
}

}  // namespace hearth::fake
