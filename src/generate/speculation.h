// Speculation: several tokens are guessed and verified in one pass through the model. What is said is what would have
// been said without it, to the bit, since every token is still drawn from the model's own logits.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "generate/draft_model.h"
#include "generate/draft_pace.h"
#include "generate/token_lookup.h"
#include "hearth/language_model.h"

namespace hearth::generate {

struct Stream;

struct SpeculationOptions {
  enum class Mode : std::uint8_t { kOff, kOn } mode = Mode::kOff;
  enum class When : std::uint8_t { kItPays, kAlways } when = When::kItPays;
  std::size_t max_draft = 8;                   // tokens of one answer in one step
  std::shared_ptr<LanguageModel> draft_model;  // null: what the text itself and a format's rules suggest
};

/// What drafting knows about one answer.
struct StreamDrafts {
  /// Where a draft came from; each has its own rate of being right.
  enum class Source : std::uint8_t { kForced, kLongMatch, kMatch, kShortMatch, kModel };
  bool active = false;
  TokenLookup lookup;
  DraftModel::Follower follower;
  std::vector<Acceptance> rates;  // by source
  Source source = Source::kForced;
  std::size_t n_refrained = 0;  // steps in which a draft was at hand and would not have paid
};

/// For the scheduler's thread.
class Speculation {
 public:
  /// Refuses a draft model that does not fit. An engine that cannot verify is no error: see told().
  static Result<Speculation> make(const LanguageModel& target, SpeculationOptions options,
                                  const PrefixCacheOptions& cache);

  void begin(Stream& stream) const;
  void end(Stream& stream);
  /// Lets the small model read what these streams will stand on, `chunk` tokens at most.
  void read_along(std::span<Stream* const> streams, std::size_t chunk);
  /// Puts guesses into the streams' `drafted`, `n_most` tokens in all.
  void draft(std::span<Stream* const> streams, std::size_t n_most, std::size_t n_ctx);
  /// The first `n_right` of the stream's guesses were what the model said.
  void judged(Stream& stream, std::size_t n_right, Acceptance::Ending ending) const;
  void step_took(std::size_t n_rows, double seconds) { pace_.step_took(n_rows, seconds); }

  /// For the receipt: "lookup", "draft NAME", "off: why".
  [[nodiscard]] std::string told(const Stream& stream) const;

 private:
  Speculation(SpeculationOptions options, std::string off) : options_(std::move(options)), off_(std::move(off)) {}
  [[nodiscard]] std::size_t how_many(const Stream& stream, std::size_t n_most, std::size_t n_rows, double n_expected,
                                     StreamDrafts::Source source) const;

  void ask_model(std::span<DraftModel::Wanted> wanted, std::span<Stream* const> streams);

  SpeculationOptions options_;
  std::string off_;  // why, for all streams; empty: on
  std::unique_ptr<DraftModel> model_;
  DraftPace pace_;
};

}  // namespace hearth::generate
