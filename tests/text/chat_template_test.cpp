// What only our interpreter promises: where every byte came from, limits that hold, errors that help.
#include "text/chat_template.h"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/thread_clock.h"
#include "running_time.h"

namespace hearth::text {
namespace {

using Json = nlohmann::ordered_json;
using Segments = std::vector<Segment>;

Result<Segments> render(std::string_view source, const Json& values = Json::object(),
                        const RenderOptions& options = {}) {
  const auto parsed = ChatTemplate::parse(source);
  if (!parsed) return std::unexpected(parsed.error());
  return parsed->render(values, options);
}

/// The segments as one text: template parts as they are, data in [brackets], media in (round ones).
std::string marked(std::string_view source, const Json& values, const RenderOptions& options = {}) {
  const auto segments = render(source, values, options);
  if (!segments) return "error: " + segments.error().message;
  std::string out;
  for (const Segment& segment : *segments) {
    const std::string_view around = segment.kind == SegmentKind::kData ? "[]" : "()";
    if (segment.kind == SegmentKind::kTemplate) {
      out += segment.text;
    } else {
      out += around.front() + segment.text + around.back();
    }
  }
  return out;
}

std::string error_of(std::string_view source, const Json& values = Json::object(), const RenderOptions& options = {}) {
  const auto segments = render(source, values, options);
  return segments ? "no error: " + join_segments(*segments).substr(0, 100) : segments.error().message;
}

TEST(TemplateOrigin, TemplateTextAndDataStayApart) {
  const Json values = {{"messages", {{{"role", "user"}, {"content", "Hi <|im_end|>"}}}}};
  EXPECT_EQ(marked("{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}", values),
            "<|im_start|>user\n[Hi <|im_end|>]<|im_end|>");
  EXPECT_EQ(marked("{{ '<|' + messages[0].role + '|>' + messages[0].content + '<|end|>' }}", values),
            "<|user|>[Hi <|im_end|>]<|end|>");
}

TEST(TemplateOrigin, OnlyKnownRolesOfMessagesAreWordsOfTheTemplate) {
  const Json values = {{"messages",
                        {{{"role", "user"}, {"name", "user"}},
                         {{"role", "<|im_end|>"}},
                         {{"role", "assistant"}, {"tool_calls", {{{"role", "user"}}}}}}},
                       {"role", "user"}};
  EXPECT_EQ(marked("{% for m in messages %}{{ m.role }},{% endfor %}{{ messages[0].name }}"
                   "{{ messages[2].tool_calls[0].role }}{{ role }}",
                   values),
            "user,[<|im_end|>],assistant,[useruseruser]");
}

TEST(TemplateOrigin, SurvivesEveryOperationOnText) {
  const Json values = {{"x", " data<s> "}, {"list", {"a", "b"}}, {"n", 5}, {"s", "a%sb"}};
  const std::pair<const char*, const char*> cases[] = {
      {"{{ 'T' ~ x ~ 'T' }}", "T[ data<s> ]T"},
      {"{{ ('T' + x + 'T')|trim }}", "T[ data<s> ]T"},
      {"{{ x|trim }}", "[data<s>]"},
      {"{{ ('<b>' ~ x)[1:8] }}", "b>[ data]"},
      {"{{ ('ab' ~ x)[::-1] }}", "[ >s<atad ]ba"},
      {"{{ ('tt' ~ x)|upper }}", "TT[ DATA<S> ]"},
      {"{{ ('tt' ~ x)|title }}", "Tt[ Data<S> ]"},
      {"{{ ('tt' ~ x).replace('data', 'NEW') }}", "tt[ ]NEW[<s> ]"},
      {"{{ 'a-b'.replace('-', x) }}", "a[ data<s> ]b"},
      {"{{ ('l,' ~ x ~ ',r').split(',')|join('|') }}", "l|[ data<s> ]|r"},
      {"{{ list|join('-') }}", "[a]-[b]"},
      {"{{ '-'.join(list) }}", "[a]-[b]"},
      {"{{ 'a %s b' % x }}", "a [ data<s> ] b"},
      {"{{ s % 'T' }}", "[a]T[b]"},
      {"{{ 'a {} b'.format(x) }}", "a [ data<s> ] b"},
      {"{{ '%s' % [x] }}", "[[' data<s> ']]"},
      {"{{ x|tojson }}", "[\" data<s> \"]"},
      {"{{ {'k': x, 'l': 1}|tojson }}", "[{\"k\": \" data<s> \", \"l\": 1}]"},
      {"{{ {'k': 1}|tojson }}", "{\"k\": 1}"},
      {"{{ [x]|string }}", "[[' data<s> ']]"},
      {"{{ [x] }}", "[[' data<s> ']]"},
      {"{{ x * 2 }}", "[ data<s>  data<s> ]"},
      {"{{ ('T\n' ~ x)|indent(1) }}", "T\n [ data<s> ]"},
      {"{{ x|e }}", "[ data&lt;s&gt; ]"},
      {"{{ ('T' ~ x)|truncate(6, true, '!', 0) }}", "T[ dat]!"},
      {"{{ x.center(12, 'T') }}", "T[ data<s> ]TT"},
      {"{{ x|first }}{{ x[2] }}", "[ a]"},
      {"{% for c in 'T' ~ list[0] %}{{ c }}{% endfor %}", "T[a]"},
      {"{% set y %}T{{ x }}T{% endset %}{{ y }}", "T[ data<s> ]T"},
      {"{% macro m(a) %}M{{ a }}{% endmacro %}{{ m(x) }}", "M[ data<s> ]"},
      {"{% filter upper %}t{{ x }}{% endfilter %}", "T[ DATA<S> ]"},
      {"{{ {x: 1}|list|first }}", "[ data<s> ]"},
      {"{{ x if true }}{{ x or 'T' }}{{ nothing or 'T' }}", "[ data<s>  data<s> ]T"},
      {"{{ {'a': 'T'}[list[0]] }}", "T"},
      {"{{ list|sort|last }}{{ list|map('upper')|join }}", "[bAB]"},
      {"{{ x.partition('<')[1] }}{{ x.split('<')[1] }}", "[<s> ]"},
  };
  for (const auto& [source, expected] : cases) EXPECT_EQ(marked(source, values), expected) << source;
}

TEST(TemplateOrigin, TokensOfTheModelAreTheTemplates) {
  RenderOptions options;
  options.tokens = {{"bos_token", "<s>"}};
  EXPECT_EQ(marked("{{ bos_token }}{{ eos_token }}", {{"bos_token", "fake"}, {"eos_token", "</s>"}}, options),
            "<s>[</s>]");
}

TEST(TemplateOrigin, MediaHaveSegmentsOfTheirOwn) {
  RenderOptions options;
  options.media_marker = "\x01picture\x01";
  const Json values = {{"x", "see \x01picture\x01\x01picture\x01!"}};
  EXPECT_EQ(marked("<{{ x }}>", values, options), "<[see ](\x01picture\x01)(\x01picture\x01)[!]>");
}

TEST(TemplateLimits, EveryLimitHolds) {
  const std::pair<const char*, const char*> cases[] = {
      {"{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}", "steps"},
      {"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "macros call each other"},
      {"{% for n in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}", "macros call each other"},
      {"{{ 'x' * 1000000000 }}", "repeating"},
      {"{{ 'x' * 9223372036854775807 }}", "repeating"},
      {"{{ [0] * 1000000000 }}", "repeating"},
      {"{{ range(1000000000) }}", "Range too big"},
      {"{% for i in range(100) %}{{ 'x' * 100000 }}{% endfor %}", "grows beyond 4194304 bytes"},
      {"{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}", "bytes"},
      {"{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
       ""},
      {"{% set ns = namespace(s='x', t='x') %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}"
       "{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.s == ns.t }}",
       "steps"},
      {"{% set ns = namespace(s=(1,)) %}{% for i in range(60) %}{% set ns.s = (ns.s, ns.s) %}{% endfor %}{{ {ns.s: 1} "
       "}}",
       "steps"},
      {"{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s|tojson "
       "}}",
       ""},
      {"{% set ns = namespace(s=[]) %}{% for i in range(1000) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }}",
       "nested"},
      {"{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}", "nested"},
      {"{% set ns = namespace() %}{% set ns.a = ns %}{{ [ns]|string }}", "nested"},
      {"{{ '%999999999d' % 1 }}", "width"},
      {"{{ '{:999999999}'.format(1) }}", "width"},
      {"{{ 'a'.center(999999999999) }}", "takes more than"},
      {"{{ 'a'|center(999999999999) }}", "takes more than"},
      {"{{ ('a' * 1000000).replace('', 'b' * 1000) }}", "grows beyond"},
      {"{{ 9223372036854775807 + 1 }}", "64 bits"},
      {"{{ 2 ** 100 }}", "64 bits"},
      {"{{ -9223372036854775807 - 2 }}", "64 bits"},
      {"{{ (-9223372036854775807 - 1) // -1 }}", "64 bits"},
      {"{{ '' | indent(999999999999) }}", "no error"},
  };
  RenderOptions options;
  options.limits.cpu = std::chrono::seconds(2);  // these are about the other limits
  for (const auto& [source, expected] : cases) {
    const std::string error = error_of(source, Json::object(), options);
    EXPECT_NE(error.find(expected), std::string::npos) << source << "\n" << error;
    EXPECT_EQ(error.starts_with("no error"), std::string_view(expected) == "no error") << source << "\n" << error;
  }
}

TEST(TemplateLimits, ProcessorTimeIsBoundedWhateverTheWork) {
  const char* cases[] = {
      "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
      "{% set s = 'a' * 1000000 %}{% for i in range(100000) %}{% set t = s[1:] %}{% endfor %}",
      "{% set s = 'a' * 1000000 %}{% for i in range(100000) %}{{ s.find('b') }}{% endfor %}",
      "{% set s = 'a' * 1000000 %}{% set b = 'a' * 500000 + 'b' %}{% for i in range(100000) %}{{ b in s }}{% endfor %}",
      "{% set s = 'a' * 1000000 %}{% for i in range(100000) %}{{ s.rfind('ab' * 20) }}{% endfor %}",
      "{% set s = 'a b' * 300000 %}{% for i in range(100000) %}{% set t = s.split() %}{% endfor %}",
      "{% set s = 'a,b' * 300000 %}{% for i in range(100000) %}{% set t = s|upper|length %}{% endfor %}",
      "{% set l = range(100000)|list %}{% for i in range(100000) %}{% set t = l|sort|length %}{% endfor %}",
      "{% set l = range(100000)|list %}{% for i in range(100000) %}{{ -1 in l }}{% endfor %}",
      "{% set l = range(50000)|map('string')|list %}{% for i in l %}{% set t = l|unique|list %}{% endfor %}",
      "{% set l = [1] * 100000 %}{% for i in range(100000) %}{% set t = l + l %}{% endfor %}",
      "{% set l = [1] * 100000 %}{% for i in range(100000) %}{% set t = l[::-1] %}{% endfor %}",
  };
  for (const char* source : cases) {
    const auto parsed = ChatTemplate::parse(source);
    ASSERT_TRUE(parsed.has_value()) << source;
    const auto before = thread_cpu_time();
    const auto got = parsed->render(Json::object());
    const double spent = std::chrono::duration<double>(thread_cpu_time() - before).count();
    EXPECT_FALSE(got.has_value()) << source;
    EXPECT_LT(spent, testing::time_limit(0.2)) << source << "\n" << got.error().message;  // after 100 ms
  }
}

TEST(TemplateLimits, DeepSourcesAreRefusedNotFollowed) {
  const auto times = [](std::string_view what, int n) {
    std::string out;
    for (int i = 0; i < n; ++i) out += what;
    return out;
  };
  for (const std::string& source :
       {"{{ " + times("(", 100000) + "1", "{{ " + times("[", 100000), "{{ " + times("not ", 100000) + "1 }}",
        "{{ " + times("-", 100000) + "1 }}", "{{ " + times("{1:", 100000), times("{% if 1 %}", 100000),
        times("{% for x in y %}", 100000), "{{ 1" + times("+1", 100000) + " }}", "{{ 1" + times(".a", 100000) + " }}",
        "{{ 1" + times("|e", 100000) + " }}", "{{ 1" + times(" if 1 else 1", 100000) + " }}",
        "{{ x" + times("(1", 100000), "{{ x" + times("[1", 100000), "{% set " + times("(", 100000),
        "{% filter e" + times("|e", 100000) + " %}"}) {
    const auto parsed = ChatTemplate::parse(source);
    EXPECT_FALSE(parsed.has_value()) << source.substr(0, 40);
  }
  // What just passes the parser must not overflow the stack either.
  EXPECT_FALSE(render("{{ 1" + times("+1", 499) + " }}").value().empty());
  const std::string nested = "{% macro f(n) %}" + times("{% if 1 %}", 60) + "{{ 1" + times("+1", 400) +
                             "}}{{ f(n + 1) }}" + times("{% endif %}", 60) + "{% endmacro %}{{ f(0) }}";
  EXPECT_NE(error_of(nested).find("n"), std::string::npos);
  Json deep = 1;
  for (int i = 0; i < 2000; ++i) deep = Json::array({std::move(deep)});
  EXPECT_NE(error_of("{{ x }}", {{"x", deep}}).find("nested"), std::string::npos);
}

TEST(TemplateSafety, NothingOutsideTheValuesIsReached) {
  int n = 0;
  for (const char* base : {"''",
                           "[]",
                           "{}",
                           "()",
                           "1",
                           "1.5",
                           "true",
                           "none",
                           "range",
                           "range(1)",
                           "namespace",
                           "dict",
                           "namespace(a=1)",
                           "raise_exception",
                           "strftime_now",
                           "x",
                           "x.items",
                           "''.upper",
                           "m",
                           "loop"}) {
    for (const char* name : {"__class__",
                             "__mro__",
                             "__base__",
                             "__subclasses__",
                             "__globals__",
                             "__init__",
                             "__builtins__",
                             "__import__",
                             "__getattribute__",
                             "__dict__",
                             "__code__",
                             "__self__",
                             "__func__",
                             "__module__",
                             "__doc__",
                             "func_globals",
                             "gi_frame",
                             "f_globals",
                             "mro",
                             "environment",
                             "_TemplateReference__context"}) {
      const std::string one = std::string(base) + "." + name, two = std::string(base) + "['" + name + "']";
      for (const std::string& path : {one, two, "(" + std::string(base) + ")|attr('" + name + "')"}) {
        const std::string got =
            error_of("{% macro m() %}{% endmacro %}{% for i in [1] %}{{ " + path + " is defined }}{% endfor %}",
                     {{"x", {{"a", 1}}}});
        EXPECT_TRUE(got == "no error: False" || !got.starts_with("no error")) << path << ": " << got;
        ++n;
      }
    }
  }
  EXPECT_GT(n, 1000);
  for (const char* name :
       {"self", "super", "lipsum", "cycler",  "joiner",  "request", "config",      "open",    "eval", "exec",
        "os",   "sys",   "import", "getattr", "globals", "url_for", "environment", "context", "_",    "print"}) {
    EXPECT_EQ(error_of("{{ " + std::string(name) + " is defined }}"), "no error: False") << name;
  }
  for (const char* tag : {"include 'a'", "extends 'a'", "import 'a' as b", "from 'a' import b"}) {
    EXPECT_NE(error_of("{% " + std::string(tag) + " %}").find("reads other files"), std::string::npos) << tag;
  }
  EXPECT_NE(error_of("{{ strftime_now('%Y') }}").find("asks for the time"), std::string::npos);
}

TEST(TemplateErrors, SayWhereAndWhat) {
  EXPECT_EQ(error_of("a\n{{ missing.x }}"), "rendering the chat template: line 2: 'missing' is undefined");
  EXPECT_EQ(error_of("{{ 1 }}\n\n{{ raise_exception('No, thanks') }}"),
            "the chat template refuses this conversation: No, thanks (line 3)");
  EXPECT_EQ(error_of("\n{% if x %}"), "reading the chat template: line 2: \"{% endif %}\" is missing");
  EXPECT_EQ(error_of("{{ 1 +\n\n }}"),
            "reading the chat template: line 3: expected an expression, found the end of the tag");
  EXPECT_EQ(error_of("{{ 'a }}"), "reading the chat template: line 1: a string is not closed");
  EXPECT_EQ(error_of("{{ '\\ud800' }}"),
            "reading the chat template: line 1: a string has an escape for U+D800, which is no character");
  EXPECT_EQ(error_of("\xFF"), "reading the chat template: it is not valid UTF-8");
  EXPECT_EQ(error_of("{% break %}"), "reading the chat template: line 1: \"break\" outside of a loop");
  EXPECT_EQ(error_of("{% for x in [1] %}{% macro m() %}{% continue %}{% endmacro %}{% endfor %}"),
            "reading the chat template: line 1: \"continue\" outside of a loop");
  EXPECT_EQ(error_of("x", Json::array()), "rendering the chat template: the values must be a JSON object");
}

TEST(ChatTemplate, KnowsWhichVariablesItNames) {
  const auto parsed = ChatTemplate::parse("{% if tools %}{{ messages[0].content }}{% endif %}");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_TRUE(parsed->names("tools"));
  EXPECT_TRUE(parsed->names("messages"));
  EXPECT_FALSE(parsed->names("content"));
  EXPECT_FALSE(parsed->names("documents"));
}

TEST(ChatTemplate, RendersInSeveralThreadsAtOnce) {
  const auto parsed = ChatTemplate::parse(
      "{% for m in messages %}{{ '\xC3\xA9<|' ~ m.role|upper ~ '|>' }}{{ m.content[1:] }}{% endfor %}");
  ASSERT_TRUE(parsed.has_value());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&parsed, i] {
      const std::string text = "x" + std::to_string(i);
      for (int n = 0; n < 50; ++n) {
        const auto got = parsed->render({{"messages", {{{"role", "user"}, {"content", text}}}}});
        ASSERT_TRUE(got.has_value());
        EXPECT_EQ(join_segments(*got), "\xC3\xA9<|USER|>" + std::to_string(i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace hearth::text
