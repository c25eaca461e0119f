// Whose guess is taken, and how long it may be.
#include "generate/speculation.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "generate/stream.h"

#include <fmt/format.h>

namespace hearth::generate {

namespace {

using From = StreamDrafts::Source;

constexpr std::size_t kLongMatch = 8, kMatch = 5;  // tokens; shorter matches are often chance

std::string why_off(const LanguageModel& target, const SpeculationOptions& options) {
  const Capabilities& can = target.capabilities();
  if (options.mode == SpeculationOptions::Mode::kOff || options.max_draft == 0) return "nobody asked for it";
  if (can.rewind != Capabilities::Rewind::kAny) return "the state of this model cannot go back when a guess was wrong";
  if (can.logits != Capabilities::Logits::kAll || can.max_rows < 2)
    return "this engine gives the logits of one token at a time only";
  if (!can.batch_invariant) return "this engine's results depend on how many tokens are computed together";
  return {};
}

From source_of(std::size_t n_matched) {
  return n_matched >= kLongMatch ? From::kLongMatch : n_matched >= kMatch ? From::kMatch : From::kShortMatch;
}

/// Tokens that this answer can still take beside the one that the step draws anyway.
std::size_t room(const Stream& stream, std::size_t n_ctx) {
  const std::size_t in_context = n_ctx - std::min(n_ctx, stream.history.size());
  const std::size_t asked = stream.job().steps.max_tokens;
  if (asked == 0) return in_context;
  return std::min(in_context, asked - std::min(asked, stream.steps->tokens().size() + 1));
}

}  // namespace

Result<Speculation> Speculation::make(const LanguageModel& target, SpeculationOptions options,
                                      const PrefixCacheOptions& cache) {
  std::string off = why_off(target, options);
  std::shared_ptr<LanguageModel> draft_model = options.draft_model;
  Speculation speculation(std::move(options), std::move(off));
  if (!speculation.off_.empty() || !draft_model) return speculation;
  HEARTH_CHECK(check_draft_model(target, *draft_model));
  speculation.model_ = std::make_unique<DraftModel>(std::move(draft_model), cache);
  return speculation;
}

void Speculation::begin(Stream& stream) const {
  if (!off_.empty() || !stream.sampler.replayable() || stream.job().n == 0 || stream.job().attention_layer) return;
  stream.drafts.active = true;
  for (const double expected : {0.97, 0.8, 0.6, 0.4, 0.6}) stream.drafts.rates.emplace_back(expected);
  if (model_) stream.drafts.follower = model_->follow(stream.job().prompt);
}

void Speculation::end(Stream& stream) {
  if (model_) model_->leave(stream.drafts.follower, stream.job().prompt.principal);
}

void Speculation::read_along(std::span<Stream* const> streams, std::size_t chunk) {
  if (!model_) return;
  std::vector<DraftModel::Wanted> wanted;
  for (Stream* stream : streams) {
    if (stream->drafts.follower.alive)
      wanted.push_back({.follower = &stream->drafts.follower, .text = stream->history});
  }
  model_->draft(wanted, chunk);
}

std::size_t Speculation::how_many(const Stream& stream, std::size_t n_most, std::size_t n_rows, double n_expected,
                                  From source) const {
  if (options_.when == SpeculationOptions::When::kAlways) return n_most;
  return pace_.best({.rate = stream.drafts.rates[static_cast<std::size_t>(source)].rate(),
                     .n_rows = n_rows,
                     .n_expected = n_expected,
                     .n_most = n_most,
                     .model_drafts = source == From::kModel});
}

void Speculation::draft(std::span<Stream* const> streams, std::size_t n_most, std::size_t n_ctx) {
  if (!off_.empty()) return;
  std::size_t n_rows = streams.size();
  auto n_expected = static_cast<double>(streams.size());
  std::vector<DraftModel::Wanted> wanted;
  std::vector<Stream*> waiting;  // for the small model
  for (Stream* stream : streams) {
    StreamDrafts& drafts = stream->drafts;
    if (!drafts.active) continue;
    const std::size_t n = std::min({options_.max_draft, n_most, room(*stream, n_ctx)});
    if (n == 0) continue;
    std::vector<Token> guess = stream->steps->forced();
    const auto choose = [&](From source, std::size_t n_at_hand) {
      drafts.source = source;
      return how_many(*stream, std::min(n, n_at_hand), n_rows, n_expected, source);
    };
    std::size_t n_chosen = 0;
    bool model = false;
    if (!guess.empty()) {
      n_chosen = choose(From::kForced, guess.size());
    } else {
      TokenLookup::Found found = drafts.lookup.propose(stream->history, n);
      guess = std::move(found.tokens);
      const From match = source_of(found.n_matched);
      if (drafts.follower.alive && match != From::kLongMatch) {
        n_chosen = choose(From::kModel, n);
        if (n_chosen == 0 && !guess.empty()) drafts.rates[static_cast<std::size_t>(From::kModel)].passed();
      }
      model = n_chosen > 0;
      if (!model && guess.empty() && !drafts.follower.alive) continue;
      if (!model && !guess.empty()) n_chosen = choose(match, guess.size());
    }
    if (n_chosen == 0) {
      drafts.rates[static_cast<std::size_t>(drafts.source)].passed();
      ++drafts.n_refrained;
      continue;
    }
    n_rows += n_chosen;
    n_most -= n_chosen;
    n_expected += expected_right(drafts.rates[static_cast<std::size_t>(drafts.source)].rate(), n_chosen);
    if (model) {
      wanted.push_back({.follower = &drafts.follower,
                        .text = stream->history,
                        .n_tokens = n_chosen,
                        .sampler = &stream->sampler,
                        .mirostat = stream->steps->mirostat()});
      waiting.push_back(stream);
    } else {
      guess.resize(n_chosen);
      stream->drafted = std::move(guess);
    }
  }
  if (!wanted.empty()) ask_model(wanted, waiting);
}

void Speculation::ask_model(std::span<DraftModel::Wanted> wanted, std::span<Stream* const> streams) {
  const auto start = std::chrono::steady_clock::now();
  model_->draft(wanted, 32 * wanted.size());
  std::size_t n_drafted = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    n_drafted = std::max(n_drafted, wanted[i].drafted.size());
    streams[i]->drafted = std::move(wanted[i].drafted);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  if (n_drafted > 0) pace_.draft_took(took.count() / static_cast<double>(n_drafted));
}

void Speculation::judged(Stream& stream, std::size_t n_right, Acceptance::Ending ending) const {
  stream.drafts.rates[static_cast<std::size_t>(stream.drafts.source)].judged(n_right, ending);
}

std::string Speculation::told(const Stream& stream) const {
  if (!off_.empty()) return "off: " + off_;
  if (!stream.sampler.replayable()) return "off: the custom sampling step does not promise to be repeatable";
  if (stream.job().attention_layer) return "off: attention weights are shown for drawn tokens only";
  std::string told = model_ ? "draft " + model_->name() : "lookup";
  if (stream.drafts.n_refrained > 0)
    told += fmt::format("; not in {} steps where it would not have paid", stream.drafts.n_refrained);
  return told;
}

}  // namespace hearth::generate
