// Catching up, then token by token for all followers at once.
#include "generate/draft_model.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace hearth::generate {

Status check_draft_model(const LanguageModel& target, const LanguageModel& draft) {
  const auto refuse = [](std::string why) {
    return fail(ErrorCode::kInvalidArgument, "this model cannot draft for the other: " + std::move(why));
  };
  const Capabilities& can = draft.capabilities();
  if (can.logits != Capabilities::Logits::kAll && can.logits != Capabilities::Logits::kLast)
    return refuse("it gives no full logits");
  if (can.rewind != Capabilities::Rewind::kAny) return refuse("its state cannot go back when a token was wrong");
  const Vocabulary *a = target.vocabulary(), *b = draft.vocabulary();
  if (!a || !b || target.info().vocab_size != draft.info().vocab_size || a->size() != b->size()) {
    return refuse(fmt::format("it has {} tokens in its vocabulary, the other {}", draft.info().vocab_size,
                              target.info().vocab_size));
  }
  for (std::size_t i = 0; i < a->size(); ++i) {
    const auto token = static_cast<Token>(i);
    if (a->token_bytes(token) == b->token_bytes(token) && a->token_name(token) == b->token_name(token)) continue;
    return refuse(
        fmt::format("token {} is \"{}\" there and \"{}\" here", i, b->token_name(token), a->token_name(token)));
  }
  return {};
}

DraftModel::DraftModel(std::shared_ptr<LanguageModel> model, const PrefixCacheOptions& cache)
    : model_(std::move(model)),
      n_ctx_(model_->info().n_ctx_train),
      cache_(*model_, {.max_bytes = cache.max_bytes / 4, .max_entries = cache.max_entries, .sequence = {}}) {}

DraftModel::Follower DraftModel::follow(const CachedText& prompt) {
  const auto lent = cache_.lend(prompt);
  if (!lent) return {};
  return {.sequence = lent->sequence,
          .held = {prompt.tokens.begin(), prompt.tokens.begin() + static_cast<std::ptrdiff_t>(lent->reuse.n_reused)},
          .alive = true};
}

void DraftModel::leave(Follower& follower, const std::string& principal) {
  if (!std::exchange(follower.alive, false)) return;
  cache_.keep({.principal = principal, .tokens = std::move(follower.held), .marks = {}}, follower.sequence);
}

bool DraftModel::go_back(Follower& follower, std::size_t to) {
  if (follower.held.size() <= to) return true;
  const auto reached = model_->rewind(follower.sequence, to);
  follower.held.resize(reached ? std::min(*reached, to) : 0);
  if (reached && *reached == follower.held.size()) return true;
  cache_.drop(follower.sequence);
  follower.alive = false;
  return false;
}

/// Appends tokens to each follower and draws what comes next, for those that want any.
bool DraftModel::evaluate(std::span<Wanted*> wanted, const std::vector<std::vector<Token>>& tokens) {
  std::vector<Item> items;
  std::vector<Want> wants;
  std::size_t n_rows = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    items.push_back({.sequence = wanted[i]->follower->sequence, .tokens = tokens[i]});
    wants.push_back({.item_idx = i, .row = tokens[i].size() - 1});
    n_rows += tokens[i].size();
  }
  RowCollector rows;
  if (!model_->evaluate(items, wants, rows, {.ubatch = n_rows})) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    Wanted& one = *wanted[i];
    std::vector<Token>& held = one.follower->held;
    held.insert(held.end(), tokens[i].begin(), tokens[i].end());
    if (one.drafted.size() >= one.n_tokens || held.size() != one.text.size() + one.drafted.size()) continue;
    auto choice = one.sampler->sample(
        {.logits = rows.rows[i], .recent = held, .position = held.size(), .allowed = {}, .mirostat = one.mirostat});
    if (choice) {
      one.drafted.push_back(choice->id);
    } else {
      one.n_tokens = one.drafted.size();
    }
  }
  return true;
}

void DraftModel::draft(std::span<Wanted> wanted, std::size_t chunk) {
  std::vector<Wanted*> now;
  std::vector<std::vector<Token>> tokens;
  std::size_t n_longest = 0;
  for (Wanted& one : wanted) {
    Follower& follower = *one.follower;
    if (!follower.alive) continue;
    if (one.text.size() + one.n_tokens > n_ctx_) {  // from here on the large one is alone
      cache_.drop(follower.sequence);
      follower.alive = false;
      continue;
    }
    const std::size_t n_common = common_tokens(follower.held, one.text);
    // Whoever has read all reads the last token again, for its logits.
    const std::size_t begin = n_common == one.text.size() ? n_common - (one.n_tokens > 0) : n_common;
    if (!go_back(follower, begin)) continue;
    const std::size_t n = std::min(one.text.size() - begin, chunk);
    if (n == 0) continue;
    chunk -= n;
    tokens.emplace_back(one.text.begin() + static_cast<std::ptrdiff_t>(begin),
                        one.text.begin() + static_cast<std::ptrdiff_t>(begin + n));
    now.push_back(&one);
    n_longest = std::max(n_longest, one.n_tokens);
  }
  for (std::size_t round = 0; !now.empty(); ++round) {
    if (!evaluate(now, tokens)) {
      for (Wanted* one : now) {
        cache_.drop(one->follower->sequence);
        one->follower->alive = false;
      }
      return;
    }
    // The last drafted token is not read: the large model has to agree first.
    std::erase_if(now, [](const Wanted* one) { return one->drafted.empty() || one->drafted.size() >= one->n_tokens; });
    tokens.clear();
    for (const Wanted* one : now) tokens.push_back({one->drafted.back()});
    if (round > n_longest) return;
  }
}

}  // namespace hearth::generate
