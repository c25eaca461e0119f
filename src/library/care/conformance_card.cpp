// The trials behind a card, and the card as JSON.
#include "library/care/conformance_card.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "generate/local_generator.h"
#include "generate/prompt.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::care {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kAnswerTokens = 12, kJsonTokens = 32;
constexpr std::string_view kSchema =
    R"({"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"],"additionalProperties":false})";

/// A day that never changes, for templates that name one.
text::LocalTime a_day() {
  return {};
}

std::vector<std::string> stop_tokens(const Vocabulary& vocabulary) {
  constexpr std::size_t kMost = 16;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < vocabulary.size() && names.size() < kMost; ++i) {
    const auto token = static_cast<Token>(i);
    if (vocabulary.ends_generation(token)) names.push_back(vocabulary.token_name(token));
  }
  return names;
}

text::TemplateCandidates candidates_of(const LanguageModel& model) {
  text::TemplateCandidates candidates;
  candidates.model_source = model.info().chat_template;
  candidates.model_tool_source = model.info().tool_chat_template;
  return candidates;
}

/// What the template does with messages, without an answer being computed.
void try_template(const LanguageModel& model, ConformanceCard& card) {
  const Vocabulary& vocabulary = *model.vocabulary();
  const auto prompts = generate::PromptMaker::make(vocabulary, candidates_of(model), a_day);
  if (!prompts) {
    card.notes.push_back("template: " + prompts.error().message);
    return;
  }
  card.template_source = prompts->source();
  card.thinking = prompts->tags().open;
  Request with_tools;
  with_tools.tools = {{.name = "probe", .description = "Does nothing.", .parameters = R"({"type":"object"})"}};
  if (const auto* family = prompts->calls(with_tools).family) card.tool_format = family->name;
  const Request plain;
  constexpr std::string_view kInstruction = "Answer like a lighthouse keeper.";
  const auto instructed =
      prompts->render({Message::instruction(std::string(kInstruction)), Message::user("Hello")}, plain);
  if (instructed) {
    const bool there = vocabulary.decode(instructed->tokens).find(kInstruction) != std::string::npos;
    card.system_role = there ? Mark::kYes : Mark::kNo;
    if (!there) card.notes.emplace_back("the template leaves instructions out");
  } else {
    card.system_role = Mark::kNo;
    card.notes.push_back("instructions: " + instructed.error().message);
  }
  const auto first = prompts->render({Message::user("Hello")}, plain);
  const auto second =
      prompts->render({Message::user("Hello"), Message::assistant("Good day"), Message::user("And?")}, plain);
  if (!first || !second) {
    card.notes.push_back("history: " + (first ? second.error() : first.error()).message);
    return;
  }
  const bool goes_on = second->tokens.size() > first->tokens.size() &&
                       std::ranges::equal(first->tokens, std::span(second->tokens).first(first->tokens.size()));
  card.history = goes_on ? Mark::kYes : Mark::kNo;
  if (!goes_on) card.notes.emplace_back("the template rewrites earlier turns, so each turn is read again");
}

/// What answers are like.
void try_answers(const std::shared_ptr<LanguageModel>& model, ConformanceCard& card) {
  generate::LocalGeneratorOptions options;
  options.now = a_day;
  options.scheduler.cache.sequence.n_ctx =
      std::min<std::size_t>(512, std::max<std::size_t>(model->info().n_ctx_train, 64));
  const auto generator = generate::LocalGenerator::make(model, std::move(options));
  if (!generator) {
    card.notes.push_back("answers: " + generator.error().message);
    return;
  }
  Request request;
  request.messages = {Message::user("Say something.")};
  request.max_tokens = kAnswerTokens;
  request.sampling.seed = 7;
  request.sampling.temperature = 1.0f;
  const auto once = (*generator)->generate(request), again = (*generator)->generate(request);
  if (once && again && !once->answers.empty() && !again->answers.empty()) {
    const bool same = once->answers.front().tokens == again->answers.front().tokens && once->text() == again->text();
    card.seed = same ? Mark::kYes : Mark::kNo;
    if (!same) card.notes.emplace_back("the same seed gave two answers");
  } else {
    card.notes.push_back("seed: " + (once ? again ? "no answer" : again.error().message : once.error().message));
  }
  request.format = {.kind = OutputFormat::Kind::kJsonSchema, .source = std::string(kSchema), .choices = {}};
  request.max_tokens = kJsonTokens;
  const auto formed = (*generator)->generate(request);
  if (!formed) {
    card.json = Mark::kNo;
    card.notes.push_back("JSON: " + formed.error().message);
    return;
  }
  const Json value = Json::parse(formed->text(), nullptr, /*allow_exceptions=*/false);
  const bool right = value.is_object() && value.size() == 1 && value.contains("ok") && value["ok"].is_boolean();
  card.json = right ? Mark::kYes : Mark::kNo;
  if (!right) card.notes.emplace_back("an answer held to a schema was not of that schema");
}

std::optional<Mark> parse_mark(const Json& json) {
  for (const Mark mark : {Mark::kYes, Mark::kNo, Mark::kUnknown})
    if (json == mark_name(mark)) return mark;
  return std::nullopt;
}

}  // namespace

std::string_view mark_name(Mark mark) {
  switch (mark) {
    case Mark::kYes: return "yes";
    case Mark::kNo: return "no";
    case Mark::kUnknown: return "unknown";
  }
  return "";
}

Result<ConformanceCard> probe(const std::shared_ptr<LanguageModel>& model, std::string_view model_key,
                              std::string_view engine_version) {
  if (!model->vocabulary()) {
    return fail(ErrorCode::kUnsupportedModel,
                fmt::format("{} carries no tokenizer: there is nothing to try", model_key));
  }
  ConformanceCard card{
      .model = std::string(model_key), .engine = model->info().engine, .engine_version = std::string(engine_version)};
  card.stop_tokens = stop_tokens(*model->vocabulary());
  if (card.stop_tokens.empty()) card.notes.emplace_back("no token ends an answer: it ends at a limit or a stop text");
  try_template(*model, card);
  try_answers(model, card);
  return card;
}

std::string card_json(const ConformanceCard& card) {
  const Json json = {{"model", card.model},
                     {"engine", card.engine},
                     {"engine_version", card.engine_version},
                     {"template", card.template_source},
                     {"system_role", mark_name(card.system_role)},
                     {"history", mark_name(card.history)},
                     {"stop_tokens", card.stop_tokens},
                     {"tool_format", card.tool_format},
                     {"thinking", card.thinking},
                     {"json", mark_name(card.json)},
                     {"seed", mark_name(card.seed)},
                     {"notes", card.notes}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<ConformanceCard> parse_card(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    const auto system_role = parse_mark(json.at("system_role")), history = parse_mark(json.at("history")),
               form = parse_mark(json.at("json")), seed = parse_mark(json.at("seed"));
    if (!system_role || !history || !form || !seed) return std::nullopt;
    return ConformanceCard{.model = json.at("model"),
                           .engine = json.at("engine"),
                           .engine_version = json.at("engine_version"),
                           .template_source = json.at("template"),
                           .system_role = *system_role,
                           .history = *history,
                           .stop_tokens = json.at("stop_tokens").get<std::vector<std::string>>(),
                           .tool_format = json.at("tool_format"),
                           .thinking = json.at("thinking"),
                           .json = *form,
                           .seed = *seed,
                           .notes = json.at("notes").get<std::vector<std::string>>()};
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

std::filesystem::path CardFolder::path_of(std::string_view model_key, std::string_view engine) const {
  Hash64 hash;
  hash.add(model_key);
  hash.add(engine);
  return folder_ / fmt::format("{:016x}.json", hash.value());
}

std::optional<ConformanceCard> CardFolder::find(std::string_view model_key, std::string_view engine,
                                                std::string_view engine_version) const {
  constexpr std::uint64_t kLargest = 1 << 16;
  const auto text = read_file(path_of(model_key, engine), kLargest);
  if (!text) return std::nullopt;
  auto card = parse_card(*text);
  if (!card || card->model != model_key || card->engine != engine || card->engine_version != engine_version)
    return std::nullopt;
  return card;
}

Status CardFolder::keep(const ConformanceCard& card) const {
  std::error_code failed;
  std::filesystem::create_directories(folder_, failed);
  HEARTH_TRY(auto file, AtomicFileWriter::create(path_of(card.model, card.engine)));
  const std::string text = card_json(card);
  HEARTH_CHECK(file.write(std::as_bytes(std::span(text))));
  return file.publish();
}

}  // namespace hearth::care
