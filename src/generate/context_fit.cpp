// Whole turns go, oldest first.
#include "generate/context_fit.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace hearth::generate {

namespace {

bool stays(const Message& message) {
  return message.role == Role::kSystem || message.role == Role::kDeveloper;
}

/// The messages without those that may go and stand before `first_kept`.
FittedMessages from(const std::vector<Message>& messages, std::size_t first_kept) {
  FittedMessages fitted;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (i >= first_kept || stays(messages[i])) {
      fitted.messages.push_back(messages[i]);
    } else {
      fitted.dropped.push_back(i);
    }
  }
  return fitted;
}

/// Puts the summary into the first system message, or in front as one of its own.
void add_summary(FittedMessages& fitted, const std::string& summary) {
  const std::string text = "Summary of the conversation so far:\n" + summary;
  if (!fitted.messages.empty() && fitted.messages.front().role == Role::kSystem) {
    fitted.messages.front().content.emplace_back(TextPart{"\n\n" + text});
  } else {
    fitted.messages.insert(fitted.messages.begin(), Message::system(text));
  }
}

Result<FittedMessages> with_summary(const std::vector<Message>& messages, const ContextPolicy& policy,
                                    std::size_t first_kept) {
  FittedMessages fitted = from(messages, first_kept);
  if (policy.kind != ContextPolicy::Kind::kSummarise || fitted.dropped.empty()) return fitted;
  std::vector<Message> dropped;
  for (const std::size_t i : fitted.dropped) dropped.push_back(messages[i]);
  auto summary = policy.summarise(dropped);
  if (!summary) return std::unexpected(std::move(summary.error()).within("summarising the oldest turns"));
  add_summary(fitted, *summary);
  return fitted;
}

/// Where the conversation may begin, latest last: at turns, or with kKeepLast also at the last n messages.
std::vector<std::size_t> possible_beginnings(const std::vector<Message>& messages, const ContextPolicy& policy) {
  std::vector<std::size_t> turns;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role == Role::kUser) turns.push_back(i);
  }
  if (turns.empty()) return {0};
  turns.front() = 0;  // what stands before the first user's message goes with it
  if (policy.kind != ContextPolicy::Kind::kKeepLast) {
    if (turns.size() > 1) turns.erase(turns.begin());  // all of it does not fit, this is known
    return turns;
  }
  std::size_t n_left = policy.n_messages, earliest = messages.size();
  while (earliest > 0 && n_left > 0) n_left -= !stays(messages[--earliest]);
  std::erase_if(turns, [&](std::size_t turn) { return turn < earliest && turn != turns.back(); });
  return turns;
}

}  // namespace

Result<FittedMessages> fit_context(const std::vector<Message>& messages, const ContextPolicy& policy, std::size_t n_max,
                                   const CountTokens& count) {
  HEARTH_TRY(const std::size_t n_all, count(messages));
  if (n_all <= n_max) return FittedMessages{.messages = messages, .dropped = {}};
  const auto too_long = [&](std::size_t n, std::string_view cure) {
    return fail(ErrorCode::kContextFull,
                fmt::format("the messages make {} tokens, {} more than fit; {}", n, n - n_max, cure));
  };
  if (policy.kind == ContextPolicy::Kind::kRefuse)
    return too_long(n_all, "shorten them, choose a policy that drops the oldest, or make a longer context");
  if (policy.kind == ContextPolicy::Kind::kSummarise && !policy.summarise)
    return fail(ErrorCode::kInvalidArgument,
                "the context policy is to summarise, but nothing that summarises is given");
  // The earliest beginning that fits; the later, the shorter.
  const std::vector<std::size_t> beginnings = possible_beginnings(messages, policy);
  std::size_t low = 0, high = beginnings.size() - 1;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    HEARTH_TRY(const std::size_t n, count(from(messages, beginnings[middle]).messages));
    if (n <= n_max) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  std::size_t n_last = 0;
  for (; low < beginnings.size(); ++low) {  // a summary takes room too
    HEARTH_TRY(FittedMessages fitted, with_summary(messages, policy, beginnings[low]));
    HEARTH_TRY(n_last, count(fitted.messages));
    if (n_last <= n_max) return fitted;
  }
  return too_long(n_last, "even the last turn alone does not fit: shorten it, or make a longer context");
}

}  // namespace hearth::generate
