// How long masks take over a real vocabulary: median and worst step, cold and warm, per kind of constraint.
// constrain_bench VOCABULARY, a file of lines "BASE64 ID" (tiktoken). Logits are random. The same texts are written
// three times by constraints that know nothing yet; of each step the quickest counts, since what interrupts a program
// does not hit the same step twice.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "constrain/token_constraint.h"
#include "text/base64.h"

namespace {

using namespace hearth;
using namespace hearth::constrain;
/// The processor time of this thread: what other programs take of the machine is not counted.
struct Clock {
  static double now() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
  }
};

double microseconds(double since) {
  return Clock::now() - since;
}

std::vector<VocabularyToken> read_vocabulary(const char* path) {
  std::vector<VocabularyToken> tokens;
  std::ifstream file(path);
  std::string bytes;
  for (std::size_t id = 0; file >> bytes >> id;) {
    if (id >= tokens.size()) tokens.resize(id + 1, {"", TokenKind::kUnused});
    tokens[id] = {*text::decode_base64(bytes), TokenKind::kText};
  }
  tokens.push_back({"<|endoftext|>", TokenKind::kEnd});
  return tokens;
}

struct Steps {
  std::vector<double> masks, advances;

  void take_quickest(const Steps& again) {
    const auto least = [](double a, double b) { return std::min(a, b); };
    if (masks.empty()) *this = again;
    std::ranges::transform(masks, again.masks, masks.begin(), least);
    std::ranges::transform(advances, again.advances, advances.begin(), least);
  }
};

/// One text of at most `most` tokens: letters and short tokens are liked, as by a model, so that strings are not all
/// noise.
void generate(ConstraintState state, const TokenTrie& trie, std::mt19937& random, std::size_t most, Steps& steps) {
  std::vector<std::uint64_t> words(trie.mask_words());
  for (std::size_t n = 0; n < most; ++n) {
    const auto before_mask = Clock::now();
    state.mask(words);
    steps.masks.push_back(microseconds(before_mask));
    Token chosen = -1;
    for (int tries = 0; tries < 400 && chosen < 0; ++tries) {
      const std::size_t token = random() % trie.vocab_size();
      if (words[token / 64] >> (token % 64) & 1) chosen = static_cast<Token>(token);
    }
    if (chosen < 0) {
      std::vector<Token> all;
      for (std::size_t token = 0; token < trie.vocab_size(); ++token)
        if (words[token / 64] >> (token % 64) & 1) all.push_back(static_cast<Token>(token));
      if (all.empty()) return;
      chosen = all[random() % all.size()];
    }
    const auto before_advance = Clock::now();
    if (!state.advance(chosen)) return;
    steps.advances.push_back(microseconds(before_advance));
    if (state.finished()) return;
  }
}

double at(std::vector<double> values, double part) {
  std::ranges::sort(values);
  return values.empty() ? 0 : values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

void run(const char* name, const Result<Constraint::Shared>& constraint, const std::shared_ptr<const TokenTrie>& trie,
         double compile_us) {
  if (!constraint) {
    std::printf("%s: %s\n", name, constraint.error().message.c_str());
    return;
  }
  Steps cold, warm, tight;
  double bind_us = 0;
  for (int round = 0; round < 3; ++round) {
    const auto before = Clock::now();
    const auto bound = *TokenConstraint::bind(**constraint, trie);
    bind_us = microseconds(before);
    std::mt19937 random(1);
    Steps cold_again, warm_again, tight_again;
    for (int i = 0; i < 20; ++i) generate(*bound->start(), *trie, random, 400, i < 2 ? cold_again : warm_again);
    const std::uint32_t minimum = bound->minimum_tokens();
    for (int i = 0; i < 40; ++i) generate(*bound->start(minimum + random() % 40), *trie, random, 400, tight_again);
    cold.take_quickest(cold_again);
    warm.take_quickest(warm_again);
    tight.take_quickest(tight_again);
  }
  std::printf(
      "%-22s compile %7.0f us, bind %6.0f us | first two texts: median %6.1f worst %7.1f | then: median %6.1f "
      "p99 %6.1f worst %7.1f, %.0f masks/s, advance %4.1f | tight budget: median %6.1f worst %7.1f (%zu masks)\n",
      name, compile_us, bind_us, at(cold.masks, 0.5), at(cold.masks, 1), at(warm.masks, 0.5), at(warm.masks, 0.99),
      at(warm.masks, 1),
      static_cast<double>(warm.masks.size()) / std::reduce(warm.masks.begin(), warm.masks.end()) * 1e6,
      at(warm.advances, 0.5), at(tight.masks, 0.5), at(tight.masks, 1),
      cold.masks.size() + warm.masks.size() + tight.masks.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: constrain_bench VOCABULARY.tiktoken\n");
    return 2;
  }
  const auto before = Clock::now();
  const auto trie = *TokenTrie::build(read_vocabulary(argv[1]));
  std::printf("%zu tokens, prepared in %.0f ms\n", trie->vocab_size(), microseconds(before) / 1000);
  const std::vector<std::pair<const char*, const char*>> schemas = {
      {"any JSON object", R"({"type":"object"})"},
      {"person", R"({"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0,
          "maximum":150},"email":{"type":"string","format":"email"},"tags":{"type":"array","items":{"type":"string"},
          "maxItems":5}},"required":["name","age","email","tags"],"additionalProperties":false})"},
      {"bounded strings", R"({"type":"array","items":{"type":"string","minLength":3,"maxLength":40},"maxItems":20})"},
      {"recursive tree", R"({"$ref":"#/$defs/n","$defs":{"n":{"type":"object","properties":{"label":{"type":"string"},
          "children":{"type":"array","items":{"$ref":"#/$defs/n"},"maxItems":3}},"required":["label","children"]}}})"},
      {"pattern", R"({"type":"object","properties":{"id":{"type":"string","pattern":"^[a-z]{3,8}-[0-9]{2,6}$"},
          "date":{"type":"string","format":"date-time"}},"required":["id","date"]})"},
      {"maxLength 10000", R"({"type":"string","minLength":5000,"maxLength":10000})"},
  };
  for (const auto& [name, schema] : schemas) {
    const auto start = Clock::now();
    const auto constraint = Constraint::from_json_schema(schema);
    run(name, constraint, trie, microseconds(start));
  }
  const auto start = Clock::now();
  const auto regex = Constraint::from_regex("[A-Z][a-z ,]+(\\. [A-Z][a-z ,]+)*\\.");
  run("regex: sentences", regex, trie, microseconds(start));
  const auto start_gbnf = Clock::now();
  const auto gbnf = Constraint::from_gbnf(
      "root ::= (expr \"=\" ws term \"\\n\")+\nexpr ::= term ([-+*/] term)*\nterm ::= ident | num | \"(\" ws expr "
      "\")\" ws\n"
      "ident ::= [a-z] [a-z0-9_]* ws\nnum ::= [0-9]+ ws\nws ::= [ \\t\\n]*\n");
  run("gbnf: arithmetic", gbnf, trie, microseconds(start_gbnf));
  return 0;
}
