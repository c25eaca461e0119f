// hearth template: a conversation on standard input to the prompt that a model would read.
#include <algorithm>
#include <charconv>
#include <ctime>
#include <filesystem>

#include "base/file.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/template_choice.h"
#include "cli/visible_text.h"
#include "file/model_file.h"
#include "generate/shallow_json.h"
#include "models/vocab_from_metadata.h"
#include "text/template_names.h"
#include "text/tokenizer.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::uint64_t kLargestRequest = std::uint64_t{64} << 20;

/// "2024-07-26", "2024-07-26T12:00:00"; nothing where it is neither.
std::optional<text::LocalTime> parse_time(std::string_view written) {
  text::LocalTime time;
  int* const parts[] = {&time.year, &time.month, &time.day, &time.hour, &time.minute, &time.second};
  constexpr std::string_view kMarks = "--T::";
  const char* at = written.data();
  const char* const end = at + written.size();
  std::size_t n = 0;
  for (; n < std::size(parts); ++n) {
    const auto [next, error] = std::from_chars(at, end, *parts[n]);
    if (error != std::errc()) return std::nullopt;
    at = next;
    if (at == end) break;
    if (n == kMarks.size() || (*at != kMarks[n] && !(n == 2 && *at == ' '))) return std::nullopt;
    ++at;
  }
  const bool in_range = time.year >= 1 && time.year <= 9999 && time.month >= 1 && time.month <= 12 && time.day >= 1 &&
                        time.day <= 31 && time.hour >= 0 && time.hour < 24 && time.minute >= 0 && time.minute < 60 &&
                        time.second >= 0 && time.second <= 60;
  return in_range && n >= 2 ? std::optional(time) : std::nullopt;
}

std::string_view segment_kind_name(text::SegmentKind kind) {
  switch (kind) {
    case text::SegmentKind::kTemplate: return "template";
    case text::SegmentKind::kData: return "data";
    case text::SegmentKind::kMedia: return "media";
  }
  return "data";
}

class Template final : public Command {
 public:
  void declare(Flags& flags) override {
    flags.argument("MODEL", path_, "A model file, a file that holds a template, or the name of a built-in template");
    flags.text("--template", wanted_, "NAME|FILE", "This template instead of the model's own");
    flags.toggle("--json", json_, "Print JSON: which template and why, and the prompt in segments");
  }

  Outcome run(const Settings&) override {
    text::TemplateCandidates candidates;
    HEARTH_CHECK(read_sources(candidates));
    HEARTH_TRY(const std::string input, read_input(kLargestRequest));
    HEARTH_CHECK(read_request(input));
    const bool has_tools = request_.contains("tools") && request_["tools"].is_array() && !request_["tools"].empty();
    if (has_tools) candidates.tools = text::TemplateCandidates::Tools::kSome;
    HEARTH_TRY(const text::ChosenTemplate chosen, text::choose_template(candidates));
    HEARTH_TRY(const auto segments, chosen.chat_template.render(request_, options_));
    if (!json_) {
      HEARTH_CHECK(print_foreign(text::join_segments(segments)));
      return kOk;
    }
    OrderedJson list = OrderedJson::array();
    for (const text::Segment& segment : segments) {
      list.push_back({{"kind", segment_kind_name(segment.kind)}, {"text", segment.text}});
    }
    const OrderedJson out = {{"template", chosen.source}, {"why", chosen.why}, {"segments", std::move(list)}};
    HEARTH_CHECK(print_foreign(out.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n"));
    return kOk;
  }

 private:
  Status read_sources(text::TemplateCandidates& candidates) {
    std::error_code ignored;
    if (std::filesystem::exists(path_, ignored) && is_model()) {
      HEARTH_CHECK(read_model(candidates));
    } else if (wanted_.empty()) {
      Status read = read_given_template(path_, candidates);
      if (!read && !std::filesystem::exists(path_, ignored))
        return std::unexpected(std::move(read.error()).within(path_ + " is no file, and no template"));
      HEARTH_CHECK(read);
    }
    return wanted_.empty() ? Status() : read_given_template(wanted_, candidates);
  }

  /// Everything that is not a model is a template.
  [[nodiscard]] bool is_model() const {
    const auto file = RandomAccessFile::open(path_);
    char first[4] = {};
    if (!file || file->size() < sizeof(first)) return false;
    const Status read = file->read_at(0, std::as_writable_bytes(std::span(first)));
    return read && std::string_view(first, sizeof(first)) == "GGUF";
  }

  Status read_model(text::TemplateCandidates& candidates) {
    HEARTH_TRY(const auto file, open_model_file(path_));
    HEARTH_TRY(candidates.model_source, file->value_or<std::string>("tokenizer.chat_template", ""));
    HEARTH_TRY(candidates.model_tool_source, file->value_or<std::string>("tokenizer.chat_template.tool_use", ""));
    auto data = vocab_from_metadata(*file);
    if (!data || data->kind == text::VocabKind::kNone) return {};
    auto tokenizer = text::Tokenizer::make(std::move(*data));
    if (!tokenizer) return {};  // the template may do without
    const auto name = [&](text::TokenId id) { return std::string(tokenizer->token_name(id)); };
    options_.tokens = {{"bos_token", name(tokenizer->special().bos)}, {"eos_token", name(tokenizer->special().eos)}};
    candidates.has_token = [vocabulary = *tokenizer](std::string_view token) {
      return vocabulary.find_token(token) != text::kNoToken;
    };
    return {};
  }

  Status read_request(const std::string& input) {
    constexpr std::string_view kReading = "reading the request on standard input",
                               kExpected = "expected a JSON object such as {\"messages\": [...]}";
    auto parsed = generate::parse_shallow_json(input);
    if (!parsed)
      return fail(parsed.error().code, fmt::format("{}: {}; {}", kReading, parsed.error().message, kExpected));
    request_ = std::move(*parsed);
    if (!request_.is_object()) return fail(ErrorCode::kInvalidArgument, fmt::format("{}: {}", kReading, kExpected));
    if (!request_.contains("messages") || !request_["messages"].is_array()) {
      return fail(ErrorCode::kInvalidArgument, "reading the request: \"messages\" must be a list of messages");
    }
    for (const char* key : {"bos_token", "eos_token"}) HEARTH_CHECK(take_token(key));
    return take_time();
  }

  /// The request's token goes before the model's.
  Status take_token(const std::string& key) {
    const auto found = request_.find(key);
    if (found == request_.end()) return {};
    if (!found->is_string() && !found->is_null()) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("reading the request: \"{}\" must be a text", key));
    }
    std::erase_if(options_.tokens, [&](const auto& token) { return token.first == key; });
    if (found->is_string()) options_.tokens.emplace_back(key, found->get<std::string>());
    request_.erase(key);
    return {};
  }

  Status take_time() {
    options_.now = time_here();
    const auto found = request_.find("now");
    if (found == request_.end()) return {};
    options_.now = found->is_string() ? parse_time(found->get_ref<const std::string&>()) : std::nullopt;
    if (found->is_number_integer()) {
      const std::time_t seconds = found->get<std::int64_t>();
      const std::tm* moment = std::localtime(&seconds);
      if (moment != nullptr) options_.now = as_local(*moment);
    }
    if (!options_.now) {
      return fail(ErrorCode::kInvalidArgument,
                  "reading the request: \"now\" must be like \"2024-07-26T12:00:00\" or seconds since 1970");
    }
    request_.erase("now");
    return {};
  }

  std::string path_, wanted_;
  bool json_ = false;
  OrderedJson request_;
  text::RenderOptions options_;
};

}  // namespace

CommandInfo template_command() {
  return {.name = "template",
          .summary = "Show the prompt that a conversation becomes",
          .description =
              "Reads a request from standard input, renders it with the model's chat template and prints the prompt, "
              "nothing else.\nKeys of the request: messages, tools, add_generation_prompt, bos_token, eos_token, now; "
              "every other key is a\nvariable of the template. What the template refuses is a failure with its words.",
          .examples =
              "  echo '{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}], \"add_generation_prompt\": true}' "
              "|\n    hearth template model.gguf",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<Template>(); }};
}

}  // namespace hearth::cli
