// What GGUF's tokenizer.ggml.pre names stand for: the split patterns of the models' own tokenizer.json files, and
// flags.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>

#include "text/pre_tokenizer.h"
#include "text/utf8.h"

namespace hearth::text {
namespace {

constexpr std::string_view kGpt2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
constexpr std::string_view kLlama3 =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\"
    "s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
constexpr std::string_view kJais2 =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\"
    "s*[\\r\\n]+|\\s{512}(?!\\S)|\\s{256}(?!\\S)|\\s{128}(?!\\S)|\\s{64}(?!\\S)|\\s{32}(?!\\S)|\\s{16}(?!\\S)"
    "|\\s{8}(?!\\S)|\\s{4}(?!\\S)|\\s{1,2}(?!\\S)|\\s{1}";
constexpr std::string_view kQwen2 =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\"
    "r\\n]+|\\s+(?!\\S)|\\s+";
constexpr std::string_view kQwen35 =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\"
    "r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
constexpr std::string_view kUfakzeka =
    "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
constexpr std::string_view kO200k =
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'"
    "ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*"
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
constexpr std::string_view kTekken =
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}"
    "\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+"
    "[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
constexpr std::string_view kYoutuWords =
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'"
    "ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*"
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
constexpr std::string_view kYoutuScripts =
    "[\\uAC00-\\uD7A3\\u3131-\\u318E]+|[\\uFF01\\u2026\\u201C\\u201D\\u2018\\u2019\\u2014\\uFF1A\\uFF1B"
    "\\uFF0C\\u3001-\\u303F\\uFE30-\\uFE4F]+|[\\u3105-\\u312F]+|[\\u4E00-\\u9FA5\\u3040-\\u309F\\u30A0-"
    "\\u30FF]+";
constexpr std::string_view kKimiK2 =
    "[\\p{Han}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]*[\\p{Ll}\\p{Lm}\\p{L"
    "o}\\p{M}&&[^\\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}"
    "\\p{M}&&[^\\p{Han}]]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3"
    "}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
constexpr std::string_view kOneNumber = "\\p{N}";
constexpr std::string_view kNumbers = "\\p{N}+";
constexpr std::string_view kThreeNumbers = "\\p{N}{1,3}";
constexpr std::string_view kThreeDigits = "[0-9][0-9][0-9]";
constexpr std::string_view kNewline = "[\\r\\n]";
constexpr std::string_view kDeepseekLetters =
    "\\s?[A-Za-z\\u00B5\\u00C0-\\u00D6\\u00D8-\\u00F6\\u00F8-\\u01BA\\u01BC-\\u01BF\\u01C4-\\u0293\\u0295-"
    "\\u02AF\\u0370-\\u0373\\u0376\\u0377\\u037B-\\u037D\\u037F\\u0386\\u0388-\\u038A\\u038C\\u038E-\\u03A1"
    "\\u03A3-\\u03F5\\u03F7-\\u0481\\u048A-\\u052F\\u0531-\\u0556\\u10A0-\\u10C5\\u13A0-\\u13F5\\u13F8-"
    "\\u13FD\\u1C90-\\u1CBA\\u1CBD-\\u1CBF\\u1D00-\\u1D2B\\u1D6B-\\u1D77\\u1D79-\\u1D9A\\u1E00-\\u1F15\\u1F18"
    "-\\u1F1D\\u1F20-\\u1F45\\u1F48-\\u1F4D\\u1F50-\\u1F57\\u1F59\\u1F5B\\u1F5D\\u1F5F-\\u1F7D\\u1F80-\\u1FB4"
    "\\u1FB6-\\u1FBC\\u1FBE\\u1FC2-\\u1FC4\\u1FC6-\\u1FCC\\u1FD0-\\u1FD3\\u1FD6-\\u1FDB\\u1FE0-\\u1FEC\\u1FF2"
    "-\\u1FF4\\u1FF6-\\u1FFC\\u2102\\u2107\\u210A-\\u2113\\u2115\\u2119-\\u211D\\u2124\\u2126\\u2128\\u212A-"
    "\\u212D\\u212F-\\u2134\\u2139\\u213C-\\u213F\\u2145-\\u2149\\u214E\\u2183\\u2184\\u2C00-\\u2C7B\\u2C7E-"
    "\\u2CE4\\u2CEB-\\u2CEE\\u2CF2\\u2CF3\\uA640-\\uA66D\\uA680-\\uA69B\\uA722-\\uA76F\\uA771-\\uA787\\uA78B-"
    "\\uA78E\\uAB70-\\uABBF\\uFB00-\\uFB06\\uFB13-\\uFB17\\uFF21-\\uFF3A\\uFF41-\\uFF5A\\x{10400}-\\x{1044F}"
    "\\x{104B0}-\\x{104D3}\\x{104D8}-\\x{104FB}\\x{10C80}-\\x{10CB2}\\x{10CC0}-\\x{10CF2}\\x{118A0}-"
    "\\x{118DF}\\x{1E900}-\\x{1E943}]+";
constexpr std::string_view kDeepseekPunctuation =
    "\\s?[!-/:-~\\uFF01-\\uFF0F\\uFF1A-\\uFF5E\\u2018-\\u201F\\u3000-\\u3002]+";
constexpr std::string_view kTrailingSpace = "\\s+$";
constexpr std::string_view kDeepseekCjk = "[\\u4E00-\\u9FA5\\u0800-\\u4E00\\uAC00-\\uD7FF]+";
constexpr std::string_view kDeepseekV3Cjk = "[\\u4E00-\\u9FA5\\u3040-\\u309F\\u30A0-\\u30FF]+";
constexpr std::string_view kDeepseekV3Words =
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p"
    "{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
constexpr std::string_view kSparkWords =
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p"
    "{P}\\p{S}]+|[\\r\\n]|\\s+(?!\\S)|\\s+";
constexpr std::string_view kSpaceLetters = "\\s?\\p{L}+";
constexpr std::string_view kSpacePunctuation = "\\s?\\p{P}+";
constexpr std::string_view kFalconPunctuation = "[\\p{P}\\$\\+<=>\\^~\\|`]+";
constexpr std::string_view kDefaultPunctuation = "[\\p{P}\\$\\+<=>\\^~\\|]+";
constexpr std::string_view kBloom = " ?[^(\\s|.,!?\\u2026\\u3002\\uFF0C\\u3001\\u0964\\u06D4\\u060C)]+";
constexpr std::string_view kSentinel = "<sentinel:[0-9]+>";
constexpr std::string_view kImageToken = "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z";
constexpr std::string_view kChameleonSpace = "([\\t\\n]|    |  )";
constexpr std::string_view kChameleonPunctuation = "[\\p{P}!-/:-@\\[-`{-~]";
constexpr std::string_view kTinyAyaDigits = "\\d{1,3}(?=(?:\\d{3})*\\b)";
constexpr std::string_view kSuperBpeDigits = "(?=(\\d{3})+(?!\\d))";
constexpr std::string_view kBailing =
    "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]"
    "|\\s+(?!\\S)|\\s+";
constexpr std::string_view kSeedCoder =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|\\s*[\\"
    "r\\n]+|\\s+(?!\\S)|\\s+";
constexpr std::string_view kAfmoeScripts =
    "[\\u4E00-\\u9FFF\\u3400-\\u4DBF\\uF900-\\uFAFF\\u3040-\\u309F\\u30A0-\\u30FF\\uFF65-\\uFF9F\\u2F00-"
    "\\u2FDF\\u0E40-\\u0E7F\\u0E80-\\u0EFF\\u1780-\\u17FF\\u1000-\\u109F\\uAA60-\\uAA7F\\uA9E0-\\uA9FF\\uAC00"
    "-\\uD7AF\\u1100-\\u11FF]+";
constexpr std::string_view kLines = "[^\\n]+|[\\n]+";
constexpr std::string_view kExaoneMoe =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}| ?[^\\s"
    "\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+";
constexpr std::string_view kMiniCpm5 =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}+| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*["
    "\\r\\n]+|\\s+(?!\\S)|\\s+";
/// Not a pattern: runs of digits in threes from the right.
constexpr std::string_view kDigitGroups = "";

enum Flag : unsigned {
  kPlain = 0,
  kIgnoreMerges = 1,  // a piece that is a token is taken whole
  kAddBos = 2,        // unless the file says otherwise
  kAddSep = 4,
  kNoBos = 8,           // no default BOS id
  kVisibleSpaces = 16,  // SentencePiece-like: U+2581 for spaces, characters instead of bytes, byte fallback
  kNewlineTokens = 32,  // runs of line feeds are taken whole
};

struct Family {
  std::initializer_list<std::string_view> names;
  std::initializer_list<std::string_view> patterns;  // applied one after the other, each within the pieces of the last
  unsigned flags = kPlain;
};

const Family kFamilies[] = {
    {{"default"}, {kDefaultPunctuation, kGpt2, kNumbers, kThreeDigits}, kPlain},
    {{"dbrx", "smaug-bpe"}, {kLlama3}, kPlain},
    {{"chatglm-bpe"}, {kLlama3}, kNoBos},
    {{"glm4", "glm5"}, {kLlama3}, kNoBos | kIgnoreMerges},
    {{"llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano"},
     {kLlama3},
     kIgnoreMerges | kAddBos},
    {{"minicpm5"}, {kThreeNumbers, kMiniCpm5}, kIgnoreMerges},
    {{"jais-2"}, {kJais2}, kPlain},
    {{"deepseek-llm"},
     {kNewline, kDeepseekLetters, kDeepseekPunctuation, kTrailingSpace, kDeepseekCjk, kNumbers},
     kPlain},
    {{"deepseek-coder"}, {kNewline, kSpaceLetters, kSpacePunctuation, kDeepseekCjk, kOneNumber}, kPlain},
    {{"deepseek-v3", "hunyuan-dense", "hy_v4", "joyai-llm"}, {kThreeNumbers, kDeepseekV3Cjk, kDeepseekV3Words}, kPlain},
    {{"spark2_5"}, {kThreeNumbers, kDeepseekV3Cjk, kSparkWords, kOneNumber}, kPlain},
    {{"youtu"}, {kYoutuScripts, kYoutuWords}, kIgnoreMerges},
    {{"falcon"}, {kFalconPunctuation, kGpt2, kThreeDigits}, kPlain},
    {{"starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b", "mellum2"},
     {kOneNumber, kGpt2},
     kPlain},
    {{"gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es", "jina-v2-de", "a.x-4.0", "mellum",
      "modern-bert", "mpt", "olmo", "jais", "trillion", "granite-docling", "exaone4"},
     {kGpt2},
     kPlain},
    {{"jina-v1-en", "jina-v2-code", "roberta-bpe"}, {kGpt2}, kAddSep},
    {{"qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan", "solar-open", "grok-2"},
     {kQwen2},
     kPlain},
    {{"qwen35"}, {kQwen35}, kPlain},
    {{"ufakzeka"}, {kUfakzeka}, kPlain},
    {{"poro-chat", "bloom", "gpt3-finnish"}, {kBloom}, kPlain},
    {{"viking"}, {kBloom, kOneNumber}, kPlain},
    {{"tekken"}, {kTekken}, kIgnoreMerges | kAddBos},
    {{"chameleon"}, {kSentinel, kImageToken, kChameleonSpace, kOneNumber, kChameleonPunctuation, kGpt2}, kAddBos},
    {{"gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"}, {kO200k}, kPlain},
    {{"granite-embed-multi-97m"}, {kO200k}, kIgnoreMerges},
    {{"tiny_aya", "cohere2moe"}, {kTinyAyaDigits, kO200k}, kPlain},
    {{"kimi-k2"}, {kKimiK2}, kPlain},
    {{"superbpe"}, {kNumbers, kSuperBpeDigits}, kPlain},
    {{"bailingmoe", "bailingmoe2", "llada-moe"}, {kBailing}, kPlain},
    {{"seed-coder"}, {kSeedCoder}, kPlain},
    {{"afmoe"}, {kDigitGroups, kAfmoeScripts, kDeepseekV3Words}, kPlain},
    {{"laguna"}, {kLines, kQwen2}, kPlain},
    {{"exaone-moe"}, {kExaoneMoe}, kPlain},
    {{"gemma4", "granite-embed-multi-311m"}, {kLines}, kVisibleSpaces | kNewlineTokens},
    {{"sarvam-moe"}, {kLines}, kVisibleSpaces},
};

const Family* find_family(std::string_view name) {
  for (const Family& family : kFamilies) {
    if (std::ranges::find(family.names, name) != family.names.end()) return &family;
  }
  return nullptr;
}

}  // namespace

Result<PreTokenizerTraits> pre_tokenizer_traits(std::string_view name) {
  const Family* family = find_family(name);
  if (family == nullptr) {
    std::string known;
    for (const std::string_view each : pre_tokenizer_names())
      known += fmt::format("{}{}", known.empty() ? "" : ", ", each);
    return fail(ErrorCode::kUnsupportedModel,
                fmt::format("choosing a pre-tokenizer: \"{}\" is unknown; known are {}", name, known));
  }
  const auto has = [&](Flag flag) { return (family->flags & flag) != 0; };
  return PreTokenizerTraits{has(kIgnoreMerges), has(kAddBos),        has(kAddSep),
                            has(kNoBos),        has(kVisibleSpaces), has(kNewlineTokens)};
}

std::vector<std::string_view> pre_tokenizer_names() {
  std::vector<std::string_view> names;
  for (const Family& family : kFamilies) names.insert(names.end(), family.names.begin(), family.names.end());
  std::ranges::sort(names);
  return names;
}

Status apply_pre_tokenizer_name(VocabData& data) {
  HEARTH_TRY(const PreTokenizerTraits traits, pre_tokenizer_traits(data.pre));
  data.byte_level = !traits.visible_spaces;
  data.byte_fallback = traits.visible_spaces;
  data.ignore_merges = data.ignore_merges || traits.ignore_merges;
  data.newlines_are_tokens = traits.newline_tokens;
  data.normalizers.clear();
  data.pre_tokenizers.clear();
  if (traits.visible_spaces) {
    NormalizerStep spaces;
    spaces.kind = NormalizerStep::Kind::kReplaceText;
    spaces.pattern = " ";
    spaces.content = kVisibleSpace;
    data.normalizers.push_back(std::move(spaces));
  }
  for (const std::string_view pattern : find_family(data.pre)->patterns) {
    PreTokenizerStep step;
    step.kind = pattern.empty() ? PreTokenizerStep::Kind::kDigitGroups : PreTokenizerStep::Kind::kSplitRegex;
    step.pattern = pattern;
    data.pre_tokenizers.push_back(std::move(step));
  }
  return {};
}

}  // namespace hearth::text
