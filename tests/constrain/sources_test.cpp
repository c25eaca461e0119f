// Where constraints come from: GBNF with its pass and fail strings, patterns, choices, schemas; and how the hostile
// ones are answered.
#include <gtest/gtest.h>

#include <ctime>
#include <nlohmann/json.hpp>
#include <set>

#include "constrain/constraint.h"
#include "constrain/decimal.h"
#include "constrain/json_schema.h"
#include "constrain/token_constraint.h"
#include "data_path.h"
#include "running_time.h"
#include "tiny_vocabulary.h"

namespace hearth::constrain {
namespace {

using Json = nlohmann::ordered_json;

bool accepts(const Result<Constraint::Shared>& constraint, std::string_view text) {
  EXPECT_TRUE(constraint) << (constraint ? "" : constraint.error().message);
  if (!constraint) return false;
  const auto verdict = (*constraint)->accepts(text);
  EXPECT_TRUE(verdict) << (verdict ? "" : verdict.error().message);
  return verdict && *verdict;
}

void expect_refused(const Result<Constraint::Shared>& constraint, ErrorCode code, std::string_view part) {
  ASSERT_FALSE(constraint) << part;
  EXPECT_EQ(constraint.error().code, code) << constraint.error().message;
  EXPECT_NE(constraint.error().message.find(part), std::string::npos) << part << " in " << constraint.error().message;
}

TEST(Gbnf, PassAndFailStrings) {
  const auto path = hearth::testing::data_path("schema/llama.cpp-grammars/test-grammar-integration.cases.json");
  if (auto why = hearth::testing::missing(path)) GTEST_SKIP() << *why;
  const Json file = Json::parse(hearth::testing::read_text(path));
  std::size_t n_strings = 0;
  for (const Json& test : file["cases"]) {
    if (test["kind"] != "gbnf") continue;
    const auto grammar = Constraint::from_gbnf(test["grammar"].get<std::string>());
    for (const char* verdict : {"pass", "fail"}) {
      for (const Json& text : test[verdict]) {
        ++n_strings;
        EXPECT_EQ(accepts(grammar, text.get<std::string>()), verdict == std::string("pass"))
            << test["name"] << ": " << text;
      }
    }
  }
  EXPECT_GT(n_strings, 60u);
}

TEST(Gbnf, RealGrammars) {
  const auto folder = hearth::testing::data_path("schema/llama.cpp-grammars");
  if (auto why = hearth::testing::missing(folder)) GTEST_SKIP() << *why;
  const auto read = [&](const char* name) { return Constraint::from_gbnf(hearth::testing::read_text(folder / name)); };
  EXPECT_TRUE(accepts(read("json.gbnf"), R"({"a": [1, 2.5e3, "x\u00e9\n"], "b": {"c": null}})"));
  EXPECT_FALSE(accepts(read("json.gbnf"), R"({"a": [1, }])"));
  EXPECT_TRUE(accepts(read("chess.gbnf"), "1. e4 e5\n2. Nf3 Nc6\n"));
  EXPECT_TRUE(accepts(read("arithmetic.gbnf"), "x1 +(2 *y) = 7\n"));
  EXPECT_TRUE(accepts(read("c.gbnf"), "int main(){return 1;}"));
  EXPECT_TRUE(accepts(read("list.gbnf"), "- one\n- two\n"));
  EXPECT_FALSE(accepts(read("list.gbnf"), "- one\xE2\x80\xA8\n"));
  EXPECT_TRUE(accepts(read("japanese.gbnf"), "\xE3\x81\x82\xE3\x82\xA2 \xE4\xB8\x80"));
  EXPECT_TRUE(accepts(read("english.gbnf"), "Hello, world! [1]"));
  EXPECT_TRUE(accepts(read("json_arr.gbnf"), "[\n1,\n\"a\"]"));
}

TEST(Gbnf, MistakesAreNamed) {
  const auto bad = [](std::string_view source, std::string_view part) {
    expect_refused(Constraint::from_gbnf(source), ErrorCode::kInvalidArgument, part);
  };
  bad("root ::= expr\nexpr ::= expr \"+\" [0-9] | [0-9]", "the rule \"expr\" begins with itself");
  bad("root ::= a\na ::= b? c\nb ::= \"x\"\nc ::= a | \"y\"", "begins with itself");
  bad("root ::= thing", "\"thing\" is used but not defined");
  bad("a ::= \"x\"", "no rule \"root\"");
  bad("root ::= \"x", "line 1");
  bad("root ::= (\"x\"", "'('");
  bad("root ::= \"x\"{3,2}", "least count");
  bad("root ::= \"x\"{0,2001}", "above 2000");
  bad("root ::= \"x\"\nroot ::= \"y\"", "defined twice");
  bad("root ::= \"(\" root \")\"", "no text can fulfil it");
  bad("root ::= [z-a]", "below its start");
  bad("root ::= \"\\q\"", "escape");
}

TEST(Pattern, MeansWhatEcmaSays) {
  const auto match = [](const char* pattern, std::string_view text) {
    return accepts(Constraint::from_regex(pattern), text);
  };
  EXPECT_TRUE(match("", ""));
  EXPECT_TRUE(match("a|bc|", ""));
  EXPECT_TRUE(match("(?:a|b)+?c{2}", "abacc"));
  EXPECT_FALSE(match("(?:a|b)+c{2}", "abaccc"));
  EXPECT_TRUE(match("[^]", "\n"));
  EXPECT_FALSE(match(".", "\xE2\x80\xA8"));
  EXPECT_FALSE(match("\\d", "\xD9\xA1"));
  EXPECT_TRUE(match("\\s\\S", "\xC2\xA0x"));
  EXPECT_TRUE(match("\\p{Lu}\\p{Script=Han}", "\xC3\x89\xE4\xB8\x80"));
  EXPECT_TRUE(match("\\u{1F600}\\uD83D\\uDE00[\\u0061-c\\-]", "\xF0\x9F\x98\x80\xF0\x9F\x98\x80-"));
  EXPECT_TRUE(match("^a$|^b", "b"));
  EXPECT_FALSE(match("a^b|c", "ab"));
  EXPECT_TRUE(match("(a*)*(b?){0,100}", "aaab"));
  EXPECT_TRUE(match("(?<year>\\d{4})", "2024"));
  EXPECT_FALSE(match("a", "\xFF"));
}

TEST(Pattern, WhatIsNoRegularExpressionIsNamed) {
  const auto bad = [](const char* pattern, std::string_view part, ErrorCode code = ErrorCode::kUnsupportedConstraint) {
    expect_refused(Constraint::from_regex(pattern), code, part);
  };
  bad("(a)\\1", "back-reference");
  bad("(?=a)b", "look-ahead");
  bad("(?<!a)b", "look-behind");
  bad("\\bword", "word boundary");
  bad("(?i)a", "modifiers");
  bad("\\p{Nothing}", "\\p{Nothing}");
  for (const char* pattern :
       {"(", ")", "[a", "a**", "+", "a{2,1}", "a{2001}", "\\", "\\q", "[z-a]", "\\u{110000}", "{1}"})
    bad(pattern, "reading the pattern", ErrorCode::kInvalidArgument);
}

TEST(Choices, AreTheWholeText) {
  const std::vector<std::string> list = {"yes", "no", "no way", ""};
  const auto choices = Constraint::from_choices(list);
  for (const std::string& one : list) EXPECT_TRUE(accepts(choices, one));
  EXPECT_FALSE(accepts(choices, "ye"));
  EXPECT_FALSE(accepts(choices, "nope"));
  EXPECT_FALSE(Constraint::from_choices({}));
}

TEST(JsonSchema, RefusesByNameAndPlace) {
  const auto unsupported = [](std::string_view schema, std::string_view part) {
    expect_refused(Constraint::from_json_schema(schema), ErrorCode::kUnsupportedConstraint, part);
  };
  unsupported(R"({"properties":{"a/b":{"not":{}}}})", "\"not\" at /properties/a~1b");
  unsupported(R"({"items":{"uniqueItems":true}})", "\"uniqueItems\" at /items");
  unsupported(R"({"maximun":3})", "\"maximun\" at the root: this keyword is not known");
  unsupported(R"({"format":"iri"})", "the format \"iri\"");
  unsupported(R"({"$ref":"other.json"})", "\"$ref\" at the root");
  unsupported(R"j({"pattern":"^(?!x)"})j", "look-ahead");
  unsupported(R"({"oneOf":[{"type":"integer"},{"minimum":2}]})", "branches 0 and 1");
  unsupported(R"({"items":[{"type":"string"}]})", "prefixItems");
  const auto bad = [](std::string_view schema, std::string_view part) {
    expect_refused(Constraint::from_json_schema(schema), ErrorCode::kInvalidArgument, part);
  };
  bad("{", "not valid JSON");
  bad("3", "must be an object");
  bad(R"({"type":"kaboom"})", "\"type\" at the root");
  bad(R"({"type":123})", "\"type\"");
  bad(R"({"prefixItems":{"type":"string"}})", "\"prefixItems\"");
  bad(R"({"$ref":"#/$defs/x"})", "nothing stands at");
  bad(R"({"$ref":"#"})", "leads back");
  bad(R"({"$defs":{"a":{"allOf":[{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"})", "leads back");
  bad(R"({"pattern":"("})", "\"pattern\" at the root");
  // Keywords that nothing refers to do not matter.
  EXPECT_TRUE(Constraint::from_json_schema(R"({"$defs":{"a":{"not":{}}},"type":"string"})"));
  EXPECT_TRUE(
      Constraint::from_json_schema(R"({"oneOf":[{"type":"object","properties":{"k":{"const":"a"}},"required":["k"]},
      {"type":"object","properties":{"k":{"const":"b"}},"required":["k"]},{"type":"null"}]})"));
}

TEST(JsonSchema, NumbersAreExact) {
  const auto schema = Constraint::from_json_schema(R"({"multipleOf":0.01,"maximum":123456789012345678901234567890})");
  EXPECT_TRUE(accepts(schema, "123456789012345678901234567890"));
  EXPECT_FALSE(accepts(schema, "123456789012345678901234567890.01"));
  EXPECT_FALSE(accepts(schema, "123456789012345678901234567891"));
  EXPECT_TRUE(accepts(schema, "4.35"));
  EXPECT_FALSE(accepts(schema, "4.355"));
  EXPECT_TRUE(accepts(schema, "-1E400"));
  EXPECT_TRUE(accepts(Constraint::from_json_schema(R"({"type":"integer"})"), "1.0e2"));
  EXPECT_FALSE(accepts(Constraint::from_json_schema(R"({"type":"integer"})"), "12e-1"));
  EXPECT_LT(*Decimal::parse("-2"), *Decimal::parse("-1.99"));
  EXPECT_EQ(*Decimal::parse("100e-2"), *Decimal::parse("1"));
}

TEST(JsonSchema, PropertiesAreGeneratedInWrittenOrderAndJudgedInAny) {
  const auto schema = Constraint::from_json_schema(
      R"({"type":"object","properties":{"b":{"const":1},"a":{"const":2}},"required":["a","b"],"additionalProperties":false})");
  EXPECT_TRUE(accepts(schema, R"({"a":2,"b":1})"));
  const auto bound = *TokenConstraint::bind(**schema, hearth::testing::tiny_trie());
  auto state = *bound->start();
  ASSERT_TRUE(state.advance('{'));
  ASSERT_TRUE(state.advance('"'));
  EXPECT_EQ(state.forced_bytes(), "b\":");
}

/// Each in less time than a person notices, with an error or a constraint, and the process lives.
TEST(Hostile, PathologicalSourcesAreAnsweredInTime) {
  const auto repeated = [](std::string_view text, std::size_t n) {
    std::string all;
    for (std::size_t i = 0; i < n; ++i) all += text;
    return all;
  };
  std::vector<std::pair<std::string, std::string>> sources = {
      {"gbnf", "root ::= " + repeated("(", 60'000) + "\"a\"" + repeated(")", 60'000)},
      {"gbnf", "root ::= " + repeated("(", 120) + "\"a\"*" + repeated(")*", 120)},
      {"gbnf", "root ::= " + repeated("(", 120) + "\"a\"?" + repeated("\"b\"?)*", 120)},
      {"gbnf", "root ::= " + repeated("(", 120) + "\"a\"" + repeated("){0,2000}", 120)},
      {"gbnf", "root ::= \"a\"" + repeated("?", 50'000)},
      {"gbnf", "root ::= ((\"a\"{1,2000}){1,2000}){1,2000} \"b\""},
      {"gbnf", "root ::= \"" + repeated("a", 3'000'000) + "\""},
      {"regex", "(a+)+b"},
      {"regex", "(((a{1,2000}){1,2000}){1,2000}){1,2000}"},
      {"regex", "(a?){2000}a{2000}"},
      {"regex", "(.*a){200}.{2000}"},
      {"regex", repeated("(", 100'000)},
      {"regex", repeated("(a|", 1000) + repeated(")", 1000)},
      {"regex", repeated("[^a-z]", 30'000)},
      {"schema", repeated("[", 1'000'000)},
      {"schema", repeated(R"({"items":)", 100'000) + "{}" + repeated("}", 100'000)},
      {"schema", R"({"type":"string","minLength":1000000000})"},
      {"schema",
       R"({"type":"array","items":{"type":"array","minItems":100000,"items":{"type":"string","minLength":1000}},"minItems":100000})"},
      {"schema", R"({"type":"string","pattern":"(.*a){50}.{500}","maxLength":5000})"},
      {"schema", R"({"type":"object","minProperties":1500,"additionalProperties":{"type":"null"}})"},
      {"schema", R"({"$defs":{"a":{"properties":{"x":{"$ref":"#/$defs/a"}},"required":["x"]}},"$ref":"#/$defs/a"})"},
  };
  std::string any_of = R"({"allOf":[)";
  for (int i = 0; i < 30; ++i)
    any_of += std::string(i ? "," : "") + R"({"anyOf":[{"minimum":)" + std::to_string(i) + R"(},{"maxLength":)" +
              std::to_string(i) + "}]}";
  sources.emplace_back("schema", any_of + "]}");
  std::string many = "root ::= r0\n";
  for (int i = 0; i < 5000; ++i)
    many += "r" + std::to_string(i) + " ::= \"x\" r" + std::to_string((i + 1) % 5000) + "?\n";
  sources.emplace_back("gbnf", many);
  std::string properties = R"({"type":"object","minProperties":500,"properties":{)";
  for (int i = 0; i < 1000; ++i) properties += (i ? ",\"p" : "\"p") + std::to_string(i) + "\":{}";
  sources.emplace_back("schema", properties + "}}");
  for (const auto& [kind, source] : sources) {
    const std::clock_t before = std::clock();
    const auto made = kind == "gbnf"    ? Constraint::from_gbnf(source)
                      : kind == "regex" ? Constraint::from_regex(source)
                                        : Constraint::from_json_schema(source);
    bool bound = false;
    if (made) {
      const auto tokens = TokenConstraint::bind(**made, hearth::testing::tiny_trie());
      if (tokens) {
        bound = true;
        auto state = (*tokens)->start();
        ASSERT_TRUE(state);
        EXPECT_FALSE(hearth::testing::allowed(*state, *hearth::testing::tiny_trie()).empty());
      }
    }
    const double ms = 1000.0 * static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
    std::printf("%7.1f ms  %s %s: %s\n", ms, kind.c_str(), source.substr(0, 60).c_str(),
                !made   ? made.error().message.substr(0, 200).c_str()
                : bound ? "constraint"
                        : "not to be fulfilled");
    EXPECT_LT(ms, hearth::testing::time_limit(300)) << kind << " " << source.substr(0, 100);
  }
}

TEST(Hostile, JudgingIsLinearOrGivenUp) {
  const std::string text(100'000, 'a');
  EXPECT_FALSE(accepts(Constraint::from_regex("(a+)+b"), text));
  EXPECT_FALSE(accepts(Constraint::from_json_schema(R"({"pattern":"^(a+)+$"})"), "\"" + text + "b\""));
  const auto twice = Constraint::from_json_schema(
      R"({"anyOf":[{"properties":{"a":{"$ref":"#"}},"minProperties":2},{"properties":{"a":{"$ref":"#"}},"maxProperties":1}]})");
  std::string nested;
  for (int i = 0; i < 500; ++i) nested += "{\"a\":";
  nested += "1" + std::string(500, '}');
  EXPECT_TRUE(accepts(twice, nested));
}

TEST(Docs, ListEveryKeywordAndFormat) {
  const std::string page =
      hearth::testing::read_text(std::filesystem::path(HEARTH_SOURCE_DIR) / "docs/structured-output.md");
  std::set<std::string> listed;
  for (std::size_t at = page.find("| `"); at != std::string::npos; at = page.find("| `", at + 1))
    listed.insert(page.substr(at + 3, page.find('|', at + 3) - at - 3));
  for (const KeywordInfo& keyword : known_keywords()) {
    const char* kind = keyword.kind == KeywordInfo::Kind::kEnforced     ? "enforced"
                       : keyword.kind == KeywordInfo::Kind::kAnnotation ? "remark"
                                                                        : "refused";
    EXPECT_NE(page.find("| `" + std::string(keyword.name) + "` | " + kind + " |"), std::string::npos)
        << keyword.name << " " << kind;
  }
  EXPECT_EQ(listed.size(), known_keywords().size());
  for (const std::string_view format : known_formats())
    EXPECT_NE(page.find("`" + std::string(format) + "`"), std::string::npos) << format;
}

}  // namespace
}  // namespace hearth::constrain
