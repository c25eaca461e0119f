// Types and fields as the tokenizers library (its Rust serde definitions) has them.
#include "text/hf_steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "text/base64.h"
#include "text/hf_json.h"
#include "text/utf8.h"

namespace hearth::text {
namespace {

using nlohmann::json;

/// {"String": "..."} or {"Regex": "..."}, or (older files) the string itself.
Status read_pattern(const HfObject& object, std::string& pattern, bool& is_regex) {
  const json* found = object.find("pattern");
  is_regex = false;
  if (found != nullptr && found->is_object() && found->size() == 1 && found->begin()->is_string()) {
    is_regex = found->begin().key() == "Regex";
    if (is_regex || found->begin().key() == "String") {
      pattern = found->begin()->get<std::string>();
      return {};
    }
  } else if (found != nullptr && found->is_string()) {
    pattern = found->get<std::string>();
    return {};
  }
  return object.bad("\"pattern\" should be {\"String\": ...} or {\"Regex\": ...}");
}

Status read_normalizer(const json& component, VocabData& data, int depth) {
  using Kind = NormalizerStep::Kind;
  const HfObject object(component, "normalizer");
  const std::string type = object.type();
  NormalizerStep step;
  if (type == "Sequence") {
    if (depth >= kMaxComponentDepth) return object.bad("sequences are nested too deep");
    HEARTH_TRY(const json* steps, object.array("normalizers"));
    for (const json& each : *steps) HEARTH_CHECK(read_normalizer(each, data, depth + 1));
    return {};
  }
  static constexpr std::pair<std::string_view, Kind> kPlain[] = {
      {"NFC", Kind::kNfc},
      {"NFD", Kind::kNfd},
      {"NFKC", Kind::kNfkc},
      {"NFKD", Kind::kNfkd},
      {"Nmt", Kind::kNmt},
      {"Lowercase", Kind::kLowercase},
      {"StripAccents", Kind::kStripAccents},
      {"ByteLevel", Kind::kByteAlphabet},
  };
  const auto plain = std::ranges::find(kPlain, type, [](const auto& entry) { return entry.first; });
  if (plain != std::end(kPlain)) {
    step.kind = plain->second;
  } else if (type == "Strip") {
    step.kind = Kind::kStrip;
    HEARTH_TRY(step.left, object.boolean("strip_left", true));
    HEARTH_TRY(step.right, object.boolean("strip_right", true));
  } else if (type == "Replace") {
    bool is_regex = false;
    HEARTH_CHECK(read_pattern(object, step.pattern, is_regex));
    HEARTH_TRY(step.content, object.string("content"));
    step.kind = is_regex ? Kind::kReplaceRegex : Kind::kReplaceText;
  } else if (type == "Prepend") {
    step.kind = Kind::kPrepend;
    HEARTH_TRY(step.content, object.string("prepend"));
  } else if (type == "BertNormalizer") {
    step.kind = Kind::kBert;
    HEARTH_TRY(step.clean_text, object.boolean("clean_text", true));
    HEARTH_TRY(step.handle_chinese, object.boolean("handle_chinese_chars", true));
    HEARTH_TRY(step.lowercase, object.boolean("lowercase", true));
    HEARTH_TRY(step.strip_accents, object.boolean("strip_accents", step.lowercase));
  } else if (type == "Precompiled") {
    step.kind = Kind::kCharsmap;
    HEARTH_TRY(const std::string text, object.string("precompiled_charsmap"));
    auto bytes = decode_base64(text);
    if (!bytes) return object.bad("\"precompiled_charsmap\" is not base64");
    step.content = std::move(*bytes);
  } else {
    return object.unsupported(
        "NFC, NFD, NFKC, NFKD, Nmt, Lowercase, StripAccents, Strip, Replace, Prepend, BertNormalizer, Precompiled, "
        "ByteLevel and Sequence");
  }
  data.normalizers.push_back(std::move(step));
  return {};
}

Result<SplitBehavior> read_behavior(const HfObject& object, SplitBehavior fallback) {
  static constexpr std::pair<std::string_view, SplitBehavior> kNames[] = {
      {"Removed", SplitBehavior::kRemoved},
      {"Isolated", SplitBehavior::kIsolated},
      {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
      {"MergedWithNext", SplitBehavior::kMergedWithNext},
      {"Contiguous", SplitBehavior::kContiguous},
  };
  if (object.find("behavior") == nullptr) return fallback;
  HEARTH_TRY(const std::string name, object.string("behavior"));
  for (const auto& [known, behavior] : kNames) {
    if (name == known) return behavior;
  }
  return object.bad("\"behavior\" is none of Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous");
}

/// The fields that Metaspace has as a pre-tokenizer and as a decoder.
Status read_metaspace(const HfObject& object, std::string& content, PreTokenizerStep::Prepend& prepend) {
  HEARTH_TRY(content, object.string_or("replacement", kVisibleSpace));
  if (content.empty()) return object.bad("\"replacement\" is empty");
  HEARTH_TRY(const bool prefix, object.boolean("add_prefix_space", true));  // before prepend_scheme came
  HEARTH_TRY(const std::string scheme, object.string_or("prepend_scheme", prefix ? "always" : "never"));
  if (scheme == "always") {
    prepend = PreTokenizerStep::Prepend::kAlways;
  } else if (scheme == "first") {
    prepend = PreTokenizerStep::Prepend::kFirst;
  } else if (scheme == "never") {
    prepend = PreTokenizerStep::Prepend::kNever;
  } else {
    return object.bad("\"prepend_scheme\" is none of always, first, never");
  }
  return {};
}

Status read_pre_tokenizer(const json& component, VocabData& data, int depth) {
  using Kind = PreTokenizerStep::Kind;
  const HfObject object(component, "pre-tokenizer");
  const std::string type = object.type();
  PreTokenizerStep step;
  if (type == "Sequence") {
    if (depth >= kMaxComponentDepth) return object.bad("sequences are nested too deep");
    HEARTH_TRY(const json* steps, object.array("pretokenizers"));
    for (const json& each : *steps) HEARTH_CHECK(read_pre_tokenizer(each, data, depth + 1));
    return {};
  }
  if (type == "ByteLevel") {
    step.kind = Kind::kByteLevel;
    HEARTH_TRY(step.add_prefix_space, object.boolean("add_prefix_space", true));
    HEARTH_TRY(step.use_regex, object.boolean("use_regex", true));
  } else if (type == "Split") {
    bool is_regex = false;
    HEARTH_CHECK(read_pattern(object, step.pattern, is_regex));
    step.kind = is_regex ? Kind::kSplitRegex : Kind::kSplitText;
    HEARTH_TRY(step.behavior, read_behavior(object, SplitBehavior::kIsolated));
    HEARTH_TRY(step.invert, object.boolean("invert", false));
  } else if (type == "Metaspace") {
    step.kind = Kind::kMetaspace;
    HEARTH_CHECK(read_metaspace(object, step.content, step.prepend));
    HEARTH_TRY(step.split, object.boolean("split", true));
  } else if (type == "Digits") {
    step.kind = Kind::kDigits;
    HEARTH_TRY(step.individual, object.boolean("individual_digits", false));
  } else if (type == "Punctuation") {
    step.kind = Kind::kPunctuation;
    HEARTH_TRY(step.behavior, read_behavior(object, SplitBehavior::kIsolated));
  } else if (type == "Whitespace") {
    step.kind = Kind::kWhitespace;
  } else if (type == "WhitespaceSplit") {
    step.kind = Kind::kWhitespaceSplit;
  } else if (type == "BertPreTokenizer") {
    step.kind = Kind::kBert;
  } else if (type == "CharDelimiterSplit") {
    step.kind = Kind::kSplitText;
    step.behavior = SplitBehavior::kRemoved;
    HEARTH_TRY(step.pattern, object.string("delimiter"));
  } else {
    return object.unsupported(
        "ByteLevel, Split, Metaspace, Digits, Punctuation, Whitespace, WhitespaceSplit, BertPreTokenizer, "
        "CharDelimiterSplit and Sequence");
  }
  data.pre_tokenizers.push_back(std::move(step));
  return {};
}

Status read_decoder(const json& component, VocabData& data, int depth) {
  using Kind = DecoderStep::Kind;
  const HfObject object(component, "decoder");
  const std::string type = object.type();
  DecoderStep step;
  if (type == "Sequence") {
    if (depth >= kMaxComponentDepth) return object.bad("sequences are nested too deep");
    HEARTH_TRY(const json* steps, object.array("decoders"));
    for (const json& each : *steps) HEARTH_CHECK(read_decoder(each, data, depth + 1));
    return {};
  }
  if (type == "ByteLevel") {
    step.kind = Kind::kByteLevel;
  } else if (type == "ByteFallback") {
    step.kind = Kind::kByteFallback;
  } else if (type == "Fuse") {
    step.kind = Kind::kFuse;
  } else if (type == "Replace") {
    bool is_regex = false;
    HEARTH_CHECK(read_pattern(object, step.pattern, is_regex));
    if (is_regex) return object.bad("a pattern that is a regular expression is not supported here");
    step.kind = Kind::kReplaceText;
    HEARTH_TRY(step.content, object.string("content"));
  } else if (type == "Strip") {
    step.kind = Kind::kStrip;
    HEARTH_TRY(step.content, object.string("content"));
    HEARTH_TRY(step.start, object.count("start", 0));
    HEARTH_TRY(step.stop, object.count("stop", 0));
    // Before Fuse, or of anything but one leading space, stripping would depend on neighbouring tokens.
    if (step.content != " " || step.start > 1 || step.stop != 0) {
      return object.bad("only one space at the start of the text can be stripped");
    }
    if (step.start == 1) data.add_space_prefix = true;
  } else if (type == "Metaspace") {
    step.kind = Kind::kMetaspace;
    PreTokenizerStep::Prepend prepend = PreTokenizerStep::Prepend::kAlways;
    HEARTH_CHECK(read_metaspace(object, step.content, prepend));
    if (prepend != PreTokenizerStep::Prepend::kNever) data.add_space_prefix = true;
  } else if (type == "WordPiece") {
    step.kind = Kind::kWordPiece;
    HEARTH_TRY(step.content, object.string_or("prefix", "##"));
    HEARTH_TRY(step.cleanup, object.boolean("cleanup", true));
    data.add_space_prefix = true;
  } else if (type == "BPEDecoder") {
    step.kind = Kind::kBpeSuffix;
    HEARTH_TRY(step.content, object.string_or("suffix", "</w>"));
  } else {
    return object.unsupported(
        "ByteLevel, ByteFallback, Fuse, Replace, Strip, Metaspace, WordPiece, BPEDecoder and Sequence");
  }
  data.decoders.push_back(std::move(step));
  return {};
}

class PostProcessor {
 public:
  explicit PostProcessor(VocabData& data) : data_(data) {}

  Status read(const json& component, int depth) {
    const HfObject object(component, "post-processor");
    const std::string type = object.type();
    if (type == "Sequence") {
      if (depth >= kMaxComponentDepth) return object.bad("sequences are nested too deep");
      HEARTH_TRY(const json* steps, object.array("processors"));
      for (const json& each : *steps) HEARTH_CHECK(read(each, depth + 1));
      return {};
    }
    if (type == "ByteLevel") return {};  // moves offsets only
    if (type == "TemplateProcessing") return read_template(object);
    if (type == "BertProcessing" || type == "RobertaProcessing") {
      HEARTH_TRY(const TokenId cls, pair_id(object, "cls"));
      HEARTH_TRY(const TokenId sep, pair_id(object, "sep"));
      return wrap({{cls}, {sep}});
    }
    return object.unsupported("ByteLevel, TemplateProcessing, BertProcessing, RobertaProcessing and Sequence");
  }

 private:
  /// A later processor goes around what the earlier ones made.
  Status wrap(VocabData::Template outer) {
    if (!data_.text_template) data_.text_template.emplace();
    auto& inner = *data_.text_template;
    inner.before.insert(inner.before.begin(), outer.before.begin(), outer.before.end());
    inner.after.insert(inner.after.end(), outer.after.begin(), outer.after.end());
    return {};
  }

  static Result<TokenId> to_id(const json& value, const HfObject& object) {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > 0x7FFFFFFF)
      return object.bad("an id is not a whole number");
    return static_cast<TokenId>(value.get<std::uint64_t>());
  }

  /// ["[SEP]", 102]
  static Result<TokenId> pair_id(const HfObject& object, const char* key) {
    HEARTH_TRY(const json* pair, object.array(key));
    if (pair->size() != 2) return object.bad(fmt::format("\"{}\" should be a token and its id", key));
    return to_id((*pair)[1], object);
  }

  /// "single": special tokens around the one sequence.
  Status read_template(const HfObject& object) {
    HEARTH_TRY(const json* items, object.array("single"));
    VocabData::Template found;
    bool after_text = false;
    for (const json& item : *items) {
      if (item.is_object() && item.contains("Sequence")) {
        if (after_text) return object.bad("\"single\" has the text twice");
        after_text = true;
        continue;
      }
      const HfObject special(item.is_object() && item.contains("SpecialToken") ? item["SpecialToken"] : item,
                             "template item");
      HEARTH_TRY(const std::string name, special.string("id"));
      HEARTH_CHECK(append_ids(object, name, after_text ? found.after : found.before));
    }
    if (!after_text) return object.bad("\"single\" has no place for the text");
    return wrap(std::move(found));
  }

  /// The ids that "special_tokens" gives for a name.
  static Status append_ids(const HfObject& object, const std::string& name, std::vector<TokenId>& out) {
    const json* table = object.find("special_tokens");
    const json* entry = table != nullptr && table->is_object() && table->contains(name) ? &(*table)[name] : nullptr;
    if (entry == nullptr)
      return object.bad(fmt::format("\"special_tokens\" does not know \"{}\"", to_valid_utf8(name)));
    const HfObject special(*entry, "template token");
    HEARTH_TRY(const json* ids, special.array("ids"));
    for (const json& id : *ids) {
      HEARTH_TRY(const TokenId value, to_id(id, object));
      out.push_back(value);
    }
    return {};
  }

  VocabData& data_;
};

}  // namespace

Status read_hf_normalizer(const json& component, VocabData& data) {
  if (component.is_null()) return {};
  return read_normalizer(component, data, 0);
}

Status read_hf_pre_tokenizer(const json& component, VocabData& data) {
  if (component.is_null()) return {};
  return read_pre_tokenizer(component, data, 0);
}

Status read_hf_decoder(const json& component, VocabData& data) {
  if (component.is_null()) return {};
  return read_decoder(component, data, 0);
}

Status read_hf_post_processor(const json& component, VocabData& data) {
  if (component.is_null()) return {};
  return PostProcessor(data).read(component, 0);
}

}  // namespace hearth::text
