// What speculation brings on text that repeats its prompt, on records and on free text: the model computes for real,
// its choices are those of a given text, so that guesses are right as often as for a model that would write it.
//   speculation MODEL VOCABULARY TEXT [THREADS] [ROUNDS]
// MODEL may have random weights; VOCABULARY is a GGUF file with a tokenizer of at most as many tokens; TEXT is a book.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "engine/native/native_model.h"
#include "engine/registry.h"
#include "generate/scheduler.h"
#include "speaking_model.h"

namespace {

using namespace hearth;
using namespace hearth::generate;

constexpr std::size_t kPrompt = 200, kReply = 96;  // tokens

struct Text {
  const char* name;
  std::vector<Token> prompt, reply;
};

std::vector<Token> cut(const std::vector<Token>& tokens, std::size_t begin, std::size_t n) {
  return {tokens.begin() + static_cast<std::ptrdiff_t>(begin), tokens.begin() + static_cast<std::ptrdiff_t>(begin + n)};
}

std::vector<Text> texts(const std::vector<Token>& book, const Vocabulary& vocabulary) {
  std::vector<Text> all;
  Text copy{"an edit: the prompt again, one token of 25 changed", cut(book, 1000, kPrompt), {}};
  copy.reply = cut(copy.prompt, 20, kReply);
  for (std::size_t i = 12; i < kReply; i += 25) copy.reply[i] = book[i];
  all.push_back(std::move(copy));
  std::string records;
  for (int i = 0; i < 40; ++i) {
    records += "{\"id\": " + std::to_string(1000 + i * 37) + ", \"name\": \"part " + std::to_string(i * i) +
               "\", \"in_stock\": " + (i % 3 ? "true" : "false") + "},\n";
  }
  const auto record_tokens = vocabulary.encode(records, {.special = EncodeOptions::Special::kNone});
  all.push_back({"records: the same keys, other values", cut(record_tokens, 0, 40), cut(record_tokens, 40, kReply)});
  all.push_back({"free text: the book goes on", cut(book, 3000, kPrompt), cut(book, 3000 + kPrompt, kReply)});
  return all;
}

struct Timing {
  std::vector<double> seconds;
  std::size_t n_drafted = 0, n_accepted = 0;
  [[nodiscard]] double median() const {
    auto sorted = seconds;
    std::ranges::sort(sorted);
    return sorted[sorted.size() / 2];
  }
};

bool measure(Scheduler& scheduler, const Text& text, Timing& timing) {
  Job job;
  job.prompt.tokens = text.prompt;
  job.steps.max_tokens = text.reply.size();
  job.steps.end_tokens = EndTokens::kIgnore;
  job.sampling.temperature = 0;
  job.sampling.order = {SampleStep::kCustom};
  job.sampling.custom = {
      .apply = [&](Candidates& candidates, std::span<const Token>, std::uint64_t position) -> Status {
        candidates.ids = {text.reply[(position - text.prompt.size()) % text.reply.size()]};
        candidates.logits = {0};
        return {};
      },
      .replayable = true};
  const auto ticket = scheduler.submit(std::move(job));
  if (!ticket) return false;
  const auto result = (*ticket)->result();
  if (!result || result->answers[0].tokens != text.reply) return false;
  timing.seconds.push_back(result->timings.decode_s);
  timing.n_drafted += result->n_drafted;
  timing.n_accepted += result->n_accepted;
  return true;
}

int fail_with(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return fail_with("usage: speculation MODEL VOCABULARY TEXT [THREADS] [ROUNDS]");
  const int n_threads = argc > 4 ? std::atoi(argv[4]) : 1, n_rounds = argc > 5 ? std::atoi(argv[5]) : 3;
  const auto model = native::NativeModel::open(argv[1], {.n_threads = n_threads});
  if (!model) return fail_with(model.error().message);
  const auto vocabulary = open_vocabulary(argv[2]);
  if (!vocabulary) return fail_with(vocabulary.error().message);
  const auto book = read_file(argv[3], 64u << 20);
  if (!book) return fail_with(book.error().message);
  const auto tokens =
      (*vocabulary)->encode(std::string_view(*book).substr(0, 40000), {.special = EncodeOptions::Special::kNone});
  if ((*vocabulary)->size() > (*model)->info().vocab_size || tokens.size() < 4000)
    return fail_with("the vocabulary is larger than the model's, or the text is too short");
  bench::SpeakingModel speaking(**model, **vocabulary);
  SchedulerOptions guessing;
  guessing.speculation.mode = SpeculationOptions::Mode::kOn;
  const auto plain = Scheduler::make(speaking, {}), guessed = Scheduler::make(speaking, guessing);
  if (!plain || !guessed) return fail_with("no scheduler could be made");
  std::printf("%s, %d threads, %zu tokens of reply, %d interleaved rounds\n\n", (*model)->info().isa.c_str(), n_threads,
              kReply, n_rounds);
  std::printf("| text | tok/s | with speculation | ratio | accepted of drafted |\n|---|---|---|---|---|\n");
  for (const Text& text : texts(tokens, **vocabulary)) {
    Timing without, with;
    for (int round = 0; round < n_rounds; ++round) {
      if (!measure(**plain, text, without) || !measure(**guessed, text, with)) return fail_with("a reply went wrong");
    }
    const auto n = static_cast<double>(text.reply.size() - 1);
    std::printf("| %s | %.1f | %.1f | %.2f | %zu of %zu |\n", text.name, n / without.median(), n / with.median(),
                without.median() / with.median(), with.n_accepted, with.n_drafted);
    std::fflush(stdout);
  }
  return 0;
}
