// A model's chat template: messages in, the prompt out, in pieces that say which of them the template's author wrote.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/jinja/limits.h"

namespace hearth::text {

enum class SegmentKind : std::uint8_t {
  kTemplate,  // written by the template: may spell special tokens
  kData,      // text of users, tools and documents: never becomes a special token
  kMedia,     // one place that RenderOptions::media_marker marked
};

/// A stretch of a prompt.
struct Segment {
  SegmentKind kind = SegmentKind::kTemplate;
  std::string text;
  friend bool operator==(const Segment&, const Segment&) = default;
};

struct RenderOptions {
  /// Special tokens that the model's files name, by their names in templates: {"bos_token", "<s>"}. They count as
  /// written by the template.
  std::vector<std::pair<std::string, std::string>> tokens;
  /// What strftime_now answers; without it a template that asks is refused.
  std::optional<LocalTime> now;
  /// Text that stands in the messages wherever an image or sound belongs. Chosen so that no user can know it.
  std::string media_marker;
  TemplateLimits limits;
};

/// Immutable; copies share one tree, and several threads may render at once.
class ChatTemplate {
 public:
  /// Reads a template in Jinja's language, with white space as Hugging Face's transformers handle it. `source` is
  /// hostile; an error names the line.
  static Result<ChatTemplate> parse(std::string_view source);

  /// The prompt for `values`, an object of the template's variables: messages, tools, add_generation_prompt, ... All
  /// text in it is data, save the role of a message where it is one of the well-known ones. Nothing else can be
  /// reached. An error carries the message of the template that refused, or what Python would have raised, or the limit
  /// that was passed.
  [[nodiscard]] Result<std::vector<Segment>> render(const nlohmann::ordered_json& values,
                                                    const RenderOptions& options = {}) const;

  /// Whether the template uses a variable of this name anywhere.
  [[nodiscard]] bool names(std::string_view variable) const;

 private:
  struct State;
  ChatTemplate() = default;
  std::shared_ptr<const State> state_;
};

/// The texts of all segments, joined.
std::string join_segments(const std::vector<Segment>& segments);

}  // namespace hearth::text
