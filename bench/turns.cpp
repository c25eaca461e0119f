// Time to the first token on the fifth turn of a long chat, with what was read kept and without: the model computes for
// real, whatever its weights say.
//   turns MODEL VOCABULARY TEXT [THREADS] [PROMPT_TOKENS]
// MODEL may have random weights; VOCABULARY is a GGUF file with a tokenizer of at most as many tokens; TEXT is a book.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/file.h"
#include "engine/native/native_model.h"
#include "engine/registry.h"
#include "generate/local_generator.h"
#include "speaking_model.h"

namespace {

using namespace hearth;
using namespace hearth::generate;

constexpr std::size_t kTurns = 5, kReply = 16;  // tokens of each answer

int fail_with(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  return 1;
}

/// Asks turn after turn; the receipt of the last.
Result<Receipt> talk(std::shared_ptr<LanguageModel> model, std::string_view book, std::size_t n_turn_bytes,
                     std::uint64_t kept_bytes) {
  LocalGeneratorOptions options;
  options.scheduler.cache.max_bytes = kept_bytes;
  options.chat_template.given_name = "chatml";
  HEARTH_TRY(const auto generator, LocalGenerator::make(std::move(model), std::move(options)));
  Request request;
  request.sampling.temperature = 0.0f;
  request.max_tokens = kReply;
  request.own_end = Request::OwnEnd::kIgnored;
  Receipt last;
  for (std::size_t turn = 0; turn < kTurns; ++turn) {
    request.messages.push_back(Message::user(std::string(book.substr(turn * n_turn_bytes, n_turn_bytes))));
    if (kept_bytes == 0 && turn + 1 < kTurns) {  // what is said does not matter here
      request.messages.push_back(Message::assistant(std::string(book.substr(turn * 60, 60))));
      continue;
    }
    HEARTH_TRY(const Reply reply, generator->generate(request));
    request.messages.push_back(reply.answers.front().message);
    last = reply.receipt;
  }
  return last;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return fail_with("usage: turns MODEL VOCABULARY TEXT [THREADS] [PROMPT_TOKENS]");
  const int n_threads = argc > 4 ? std::atoi(argv[4]) : 1;
  const std::size_t n_tokens = argc > 5 ? static_cast<std::size_t>(std::atoll(argv[5])) : 4096;
  const auto model = native::NativeModel::open(argv[1], {.n_threads = n_threads});
  if (!model) return fail_with(model.error().message);
  const auto vocabulary = open_vocabulary(argv[2]);
  if (!vocabulary) return fail_with(vocabulary.error().message);
  const auto book = read_file(argv[3], 64u << 20);
  if (!book) return fail_with(book.error().message);
  if ((*vocabulary)->size() > (*model)->info().vocab_size)
    return fail_with("the vocabulary is larger than the model's");
  const std::size_t n_sample = (*vocabulary)->encode(std::string_view(*book).substr(0, 40000), {}).size();
  const std::size_t n_turn_bytes = 40000 * n_tokens / n_sample / kTurns;
  const auto speaking = std::make_shared<bench::SpeakingModel>(**model, **vocabulary);
  const auto kept = talk(speaking, *book, n_turn_bytes, std::uint64_t{4} << 30);
  if (!kept) return fail_with(kept.error().message);
  const auto anew = talk(speaking, *book, n_turn_bytes, 0);
  if (!anew) return fail_with(anew.error().message);
  std::printf("%s, %d threads, turn %zu\n\n", (*model)->info().isa.c_str(), n_threads, kTurns);
  std::printf("| | prompt tokens | read anew | time to first token |\n|---|---|---|---|\n");
  for (const auto& [name, receipt] : {std::pair{"kept", &*kept}, std::pair{"read anew", &*anew}})
    std::printf("| %s | %zu | %zu | %.2f s |\n", name, receipt->n_prompt, receipt->prompt.n_new,
                receipt->timings.ttft_s);
  std::printf("\nratio %.1f\n", anew->timings.ttft_s / kept->timings.ttft_s);
  return 0;
}
