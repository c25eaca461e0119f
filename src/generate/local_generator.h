// LocalGenerator: a Generator made of a LanguageModel, its chat template and a scheduler.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "generate/constraint_mask.h"
#include "generate/options.h"
#include "generate/prompt.h"
#include "generate/reply_cache.h"
#include "generate/scheduler.h"
#include "hearth/generator.h"

namespace hearth::generate {

struct LocalGeneratorOptions {
  SchedulerOptions scheduler;
  std::optional<ReplyCacheOptions> replies;  // repeats answers to exact repeats; absent: every request is answered anew
  text::TemplateCandidates chat_template;    // has_token, and what is not given of the model's own, are filled in
  std::function<text::LocalTime()> now;      // for templates that name the date
  std::optional<Recommendation> recommended;  // by the model's files; absent: what the model says of itself
  double load_s = 0;                          // for receipts
};

/// May be used from several threads at once. Events come on the caller's thread; a slow sink delays nobody else.
class LocalGenerator final : public Generator {
 public:
  static Result<std::unique_ptr<LocalGenerator>> make(std::shared_ptr<LanguageModel> model,
                                                      LocalGeneratorOptions options);

  Result<Reply> generate(const Request& request, const EventSink& sink = {},
                         const CancelCheck& cancelled = {}) override;
  /// Answers all of them, as many at once as the scheduler lets run; results in the order of the requests.
  std::vector<Result<Reply>> generate_batch(std::span<const Request> requests, const CancelCheck& cancelled = {});
  /// Reads the messages ahead, while the user still types: a request that begins with them answers sooner. The last
  /// message may be a beginning.
  Status prime(const Request& request, const CancelCheck& cancelled = {});
  /// Writes what the model holds of this conversation to a file, after reading what it does not hold yet. How many
  /// tokens that is.
  Result<std::size_t> save_session(const Request& conversation, const std::filesystem::path& path,
                                   const CancelCheck& cancelled = {});
  /// Takes it back, also in another process: the next request that begins like it need not read it again. Refused when
  /// it is of another model, context, template or principal, or damaged.
  Result<std::size_t> restore_session(const std::filesystem::path& path, const std::string& principal = {});
  /// Whether this could be asked: the template takes the messages, they fit the context. Nothing is computed.
  Status check(const Request& request);
  /// Runs the model once, so that the first request finds everything in memory.
  Status warm_up();

  /// Which chat template, and why: "built-in chatml: the model has no template, ...".
  [[nodiscard]] const std::string& template_source() const { return prompts_.source(); }
  [[nodiscard]] SchedulerState state() const { return scheduler_->state(); }
  /// Gives up what is kept for reuse, in memory and on disk.
  void forget();

 private:
  struct Prepared;
  struct Told;
  LocalGenerator(std::shared_ptr<LanguageModel> model, LocalGeneratorOptions options, PromptMaker prompts,
                 std::unique_ptr<Scheduler> scheduler);
  Result<Prepared> prepare(const Request& request);
  Result<CachedText> read_ahead(const Request& request, const CancelCheck& cancelled);
  Result<AnswerMasks> prepare_calls(const Request& request, Prepared& prepared);
  [[nodiscard]] Status refuse_or_tell(const Request& request, Receipt& receipt) const;
  [[nodiscard]] Result<Prompt> fit(const Request& request, std::size_t max_tokens, Receipt& receipt) const;
  Result<Reply> follow(Ticket& ticket, Receipt receipt, const EventSink& sink, const CancelCheck& cancelled) const;
  void complete_receipt(const Job& job, const JobResult& result, Receipt& receipt) const;
  [[nodiscard]] Answer complete_answer(const JobAnswer& said, Told told) const;

  std::shared_ptr<LanguageModel> model_;
  LocalGeneratorOptions options_;
  PromptMaker prompts_;
  FormatMasks masks_;
  std::optional<ReplyCache> replies_;
  std::unique_ptr<Scheduler> scheduler_;
};

}  // namespace hearth::generate
