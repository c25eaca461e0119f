// Names and ranges of what /set takes.
#include "cli/chat/set_option.h"

#include <charconv>
#include <limits>

#include "base/closest.h"

#include <fmt/format.h>

namespace hearth::cli {

namespace {

/// A number in [min, max], or nothing for "default".
template <typename T>
Status set_number(std::optional<T>& option, std::string_view name, std::string_view text, T min, T max) {
  if (text == "default") {
    option.reset();
    return {};
  }
  T value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || !(value >= min && value <= max)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} takes a number from {} to {}, or \"default\"; found \"{}\"", name, min, max, text));
  }
  option = value;
  return {};
}

}  // namespace

Status set_option(Request& request, std::string_view name, std::string_view value) {
  SamplingRequest& sampling = request.sampling;
  if (name == "temperature") return set_number(sampling.temperature, name, value, 0.0f, 100.0f);
  if (name == "top_p") return set_number(sampling.top_p, name, value, 0.0f, 1.0f);
  if (name == "min_p") return set_number(sampling.min_p, name, value, 0.0f, 1.0f);
  if (name == "top_k") return set_number(sampling.top_k, name, value, 0, 1 << 30);
  if (name == "repetition_penalty") return set_number(sampling.repetition_penalty, name, value, 0.01f, 100.0f);
  if (name == "seed")
    return set_number<std::uint64_t>(sampling.seed, name, value, 0, std::numeric_limits<std::uint64_t>::max());
  if (name == "max_tokens") return set_number<std::size_t>(request.max_tokens, name, value, 1, 1u << 30);
  if (name == "thinking") {
    using Mode = ReasoningOptions::Mode;
    if (value != "on" && value != "off" && value != "default")
      return fail(ErrorCode::kInvalidArgument, fmt::format("thinking is on, off or default; found \"{}\"", value));
    request.reasoning.mode = value == "on" ? Mode::kOn : value == "off" ? Mode::kOff : Mode::kAsModelDoes;
    return {};
  }
  constexpr std::string_view kNames[] = {"temperature",        "top_p", "min_p",      "top_k",
                                         "repetition_penalty", "seed",  "max_tokens", "thinking"};
  return fail(
      ErrorCode::kInvalidArgument,
      fmt::format("there is no option \"{}\"{}; there are temperature, top_p, min_p, top_k, repetition_penalty, "
                  "seed, max_tokens and thinking",
                  name, did_you_mean(name, kNames)));
}

}  // namespace hearth::cli
