// What a model and an engine can be relied on for, tried once and kept: whether the template carries roles and history,
// which tokens end an answer, how tools are called, whether a form is enforced, whether a seed repeats an answer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hearth/language_model.h"

namespace hearth::care {

enum class Mark : std::uint8_t { kYes, kNo, kUnknown };
/// "yes", "no", "unknown".
std::string_view mark_name(Mark mark);

struct ConformanceCard {
  std::string model, engine, engine_version;  // what it is a card of
  std::string template_source;                // "model", "built-in chatml: ..."
  Mark system_role = Mark::kUnknown;          // an instruction reaches the prompt
  Mark history = Mark::kUnknown;              // a prompt begins with the prompt and answer before it, so prefixes last
  std::vector<std::string> stop_tokens;       // as the vocabulary spells them
  std::string tool_format;                    // "hermes"
  std::string thinking;                       // the tag that opens a thought; empty: it does not think aloud
  Mark json = Mark::kUnknown;                 // an answer held to a schema is of that schema
  Mark seed = Mark::kUnknown;                 // the same seed gives the same answer
  std::vector<std::string> notes;             // why something is "no" or "unknown"
};

/// Tries the model: two prompts are rendered and up to four short answers computed.
Result<ConformanceCard> probe(const std::shared_ptr<LanguageModel>& model, std::string_view model_key,
                              std::string_view engine_version);

std::string card_json(const ConformanceCard& card);
/// Nothing for what is no card.
std::optional<ConformanceCard> parse_card(std::string_view json);

/// Cards in a folder, one file for each model and engine. What cannot be kept is tried again the next time.
class CardFolder {
 public:
  explicit CardFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}
  [[nodiscard]] std::optional<ConformanceCard> find(std::string_view model_key, std::string_view engine,
                                                    std::string_view engine_version) const;
  [[nodiscard]] Status keep(const ConformanceCard& card) const;

 private:
  [[nodiscard]] std::filesystem::path path_of(std::string_view model_key, std::string_view engine) const;
  std::filesystem::path folder_;
};

}  // namespace hearth::care
