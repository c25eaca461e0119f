// Calls become pieces.
#include <algorithm>

#include "generate/tools/call_parser.h"

#include <fmt/format.h>

namespace hearth::generate {

/// What the model said, where nobody has that id; else nine letters and digits, as the strictest templates want them.
std::string CallTeller::free_id(const std::string& wish) {
  const auto taken = [&](const std::string& id) { return std::ranges::find(taken_ids_, id) != taken_ids_.end(); };
  std::string id = wish;
  while (id.empty() || taken(id)) id = fmt::format("call{:05}", n_ids_++);
  taken_ids_.push_back(id);
  return id;
}

void CallTeller::tell(const ReadCall& call, ShownText& shown) {
  const bool complete = call.reading == Reading::kYes;
  const bool may_grow = telling_ == CallTelling::kGrowing && call.arguments.starts_with('{') && tools_->find(call.name);
  if (!complete && !may_grow) return;
  CallPiece piece{.at = shown.answer.size(), .call_idx = n_calls_};
  if (!begun_) {
    // Told early, a call cannot wait for its id, however the text was cut.
    n_ids_before_ = n_ids_;
    piece.id = free_id(telling_ == CallTelling::kGrowing && call.id_comes_late ? std::string() : call.id);
    piece.name = call.name;
  }
  piece.arguments = call.arguments.substr(std::min(n_told_, call.arguments.size()));
  if (!begun_ || !piece.arguments.empty()) shown.calls.push_back(std::move(piece));
  begun_ = true;
  n_told_ = call.arguments.size();
  if (!complete) return;
  if (std::string fault = tools_->fault(call.name, call.arguments); !fault.empty())
    shown.notes.push_back(std::move(fault));
  ++n_calls_;
  begun_ = false;
  n_told_ = 0;
}

void CallTeller::withdraw(ShownText& shown) {
  if (!begun_) return;
  shown.calls.push_back({.at = shown.answer.size(), .call_idx = n_calls_, .withdrawn = true});
  taken_ids_.pop_back();
  n_ids_ = n_ids_before_;
  begun_ = false;
  n_told_ = 0;
}

void CallTeller::drop(ShownText& shown, std::string_view why) {
  shown.notes.push_back(fmt::format("a call could not be read and stands in the text: {}", why));
  withdraw(shown);
}

}  // namespace hearth::generate
