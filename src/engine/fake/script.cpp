// Reading scripts for the fake model.
#include "engine/fake/script.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/fake/byte_vocabulary.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::fake {

namespace {

using Json = nlohmann::json;

std::unexpected<Error> refuse(std::string why) {
  return fail(ErrorCode::kCorruptedModel, "reading the script of the fake model: " + std::move(why));
}

std::vector<Token> tokens_of(std::string_view text) {
  return ByteVocabulary().encode(
      text, {.special = EncodeOptions::Special::kNone, .looks_special = EncodeOptions::LooksSpecial::kParse});
}

/// A string, or a list of ids.
Result<std::vector<Token>> parse_tokens(const Json& value, std::string_view key) {
  if (value.is_string()) return tokens_of(value.get_ref<const std::string&>());
  if (!value.is_array()) return refuse(fmt::format("\"{}\" must be a text or a list of token ids", key));
  std::vector<Token> tokens;
  for (const Json& id : value) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= kVocabSize)
      return refuse(fmt::format("\"{}\" holds {}, which is no token id below {}", key, id.dump(), kVocabSize));
    tokens.push_back(id.get<Token>());
  }
  return tokens;
}

Result<std::size_t> parse_count(const Json& value, std::string_view key, std::size_t min, std::size_t max) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() < min || value.get<std::uint64_t>() > max)
    return refuse(fmt::format("\"{}\" must be a number from {} to {}", key, min, max));
  return value.get<std::size_t>();
}

Result<Reply> parse_reply(const Json& value) {
  if (!value.is_object()) return refuse("each of \"replies\" must be an object with \"after\" and \"say\"");
  Reply reply;
  for (const auto& [key, member] : value.items()) {
    if (key != "after" && key != "say") return refuse(fmt::format("a reply has the unknown key \"{}\"", key));
    HEARTH_TRY((key == "say" ? reply.say : reply.after), parse_tokens(member, key));
  }
  return reply;
}

Result<Failure> parse_failure(const Json& value) {
  static constexpr std::array<std::string_view, 6> kCalls = {"evaluate", "create", "fork",
                                                             "rewind",   "export", "import"};
  if (!value.is_object()) return refuse("each of \"failures\" must be an object with \"call\" and \"number\"");
  Failure failure;
  for (const auto& [key, member] : value.items()) {
    if (key == "call" && member.is_string()) {
      const auto* found = std::ranges::find(kCalls, std::string_view(member.get_ref<const std::string&>()));
      if (found == kCalls.end()) return refuse(fmt::format("there is no call {} to fail", member.dump()));
      failure.call = static_cast<Failure::Call>(found - kCalls.begin());
    } else if (key == "number") {
      HEARTH_TRY(failure.number, parse_count(member, key, 1, 1u << 30));
    } else if (key == "message" && member.is_string()) {
      failure.error.message = member.get<std::string>();
    } else {
      return refuse(fmt::format("a failure has the unknown or mistyped key \"{}\"", key));
    }
  }
  return failure;
}

Status parse_member(const std::string& key, const Json& value, Script& script) {
  constexpr std::size_t kLongestDelayMs = 60'000;
  if (key == "hearth_fake") {
    if (value != 1) return refuse("only version 1 is known");
  } else if (key == "expect") {
    HEARTH_TRY(script.expect, parse_tokens(value, key));
  } else if (key == "n_ctx") {
    HEARTH_TRY(script.n_ctx, parse_count(value, key, 1, 1u << 24));
  } else if (key == "delay_per_token_ms") {
    HEARTH_TRY(const std::size_t ms, parse_count(value, key, 0, kLongestDelayMs));
    script.delay_per_token = std::chrono::milliseconds(ms);
  } else if (key == "delay_per_call_ms") {
    HEARTH_TRY(const std::size_t ms, parse_count(value, key, 0, kLongestDelayMs));
    script.delay_per_call = std::chrono::milliseconds(ms);
  } else if (key == "kind") {
    if (value != "decoder" && value != "encoder") return refuse("\"kind\" must be \"decoder\" or \"encoder\"");
    if (value == "encoder") {
      script.capabilities.kind = Capabilities::Kind::kEncoder;
      script.capabilities.logits = Capabilities::Logits::kNone;
    }
  } else if (key == "replies" || key == "failures") {
    if (!value.is_array()) return refuse(fmt::format("\"{}\" must be a list", key));
    for (const Json& member : value) {
      if (key == "replies") {
        HEARTH_TRY(Reply reply, parse_reply(member));
        script.replies.push_back(std::move(reply));
      } else {
        HEARTH_TRY(Failure failure, parse_failure(member));
        script.failures.push_back(std::move(failure));
      }
    }
  } else {
    return refuse(fmt::format("the key \"{}\" is unknown", key));
  }
  return {};
}

}  // namespace

Script demo_script() {
  Script script;
  script.replies.push_back(
      {{},
       tokens_of("\nThis is the fake engine of Hearth. It has no weights and always says the same; it is here so that "
                 "everything above an engine can be tried and tested without a model.")});
  return script;
}

Result<Script> parse_script(std::string_view json) {
  const Json value = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return refuse("it is not valid JSON");
  if (!value.is_object() || !value.contains("hearth_fake"))
    return refuse("expected an object with the key \"hearth_fake\"");
  Script script;
  for (const auto& [key, member] : value.items()) HEARTH_CHECK(parse_member(key, member, script));
  return script;
}

bool looks_like_script(std::string_view first_bytes) {
  const std::size_t brace = first_bytes.find_first_not_of(" \t\r\n");
  if (brace == std::string_view::npos || first_bytes[brace] != '{') return false;
  const std::size_t key = first_bytes.find_first_not_of(" \t\r\n", brace + 1);
  return key != std::string_view::npos && first_bytes.substr(key).starts_with("\"hearth_fake\"");
}

}  // namespace hearth::fake
