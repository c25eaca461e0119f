// What stands behind "is".
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "text/jinja/evaluator.h"
#include "text/jinja/methods.h"

namespace hearth::text::jinja {

namespace {

using Given = const Arguments&;

template <Kind kKind>
bool is_kind(Evaluator&, const Value& subject, Given) {
  return subject.is(kKind);
}
bool is_defined(Evaluator&, const Value& subject, Given) {
  return subject.is_defined();
}
bool is_true_itself(Evaluator&, const Value& subject, Given) {
  return subject.is(Kind::kBool) && subject.boolean;
}
bool is_false_itself(Evaluator&, const Value& subject, Given) {
  return subject.is(Kind::kBool) && !subject.boolean;
}
bool is_integer(Evaluator&, const Value& subject, Given) {
  return subject.is(Kind::kInt) || subject.is(Kind::kHuge);
}
bool is_number(Evaluator&, const Value& subject, Given) {
  return subject.is_number();
}
bool is_callable(Evaluator&, const Value& subject, Given) {
  return subject.is(Kind::kFunction) || subject.is(Kind::kMethod) || subject.is(Kind::kMacro) ||
         subject.is(Kind::kLoop) || !subject.is_defined();  // Undefined has __call__
}
/// Has a length and can be subscripted, which Undefined can by name.
bool is_sequence(Evaluator&, const Value& subject, Given) {
  if (subject.is(Kind::kSeq)) {
    const SeqType type = subject.seq->type;
    return type == SeqType::kList || type == SeqType::kTuple || type == SeqType::kRange;
  }
  return subject.is(Kind::kStr) || subject.is(Kind::kDict) || !subject.is_defined();
}
bool is_iterable(Evaluator&, const Value& subject, Given) {
  return subject.is(Kind::kStr) || subject.is(Kind::kSeq) || subject.is(Kind::kDict) || subject.is(Kind::kLoop) ||
         !subject.is_defined();
}
bool is_escaped(Evaluator&, const Value& subject, Given) {
  return subject.is(Kind::kStr) && subject.str->markup;
}

template <bool kUpper>
bool is_case(Evaluator& evaluator, const Value& subject, Given) {
  const Value text = Value::of(to_str(evaluator.arena(), subject));
  const Value method = evaluator.attribute(text, Str{.bytes = kUpper ? "isupper" : "islower"});
  return is_true(evaluator.call(method, {}));
}

template <std::int64_t kRest>
bool has_parity(Evaluator& evaluator, const Value& subject, Given) {
  const Value rest = compute(evaluator, ExprKind::kModulo, subject, Value::of(std::int64_t{2}));
  return equal(evaluator.arena(), rest, Value::of(kRest));
}

bool is_divisible(Evaluator& evaluator, const Value& subject, Given arguments) {
  const Bound bound("divisibleby", arguments, {"num"});
  const Value rest = compute(evaluator, ExprKind::kModulo, subject, bound.require(0));
  return equal(evaluator.arena(), rest, Value::of(std::int64_t{0}));
}

template <Comparison kComparison>
bool compares(Evaluator& evaluator, const Value& subject, Given arguments) {
  const Bound bound("comparison", arguments, {"other"});
  return evaluator.compare(kComparison, subject, bound.require(0));
}

bool is_same(Evaluator& evaluator, const Value& subject, Given arguments) {
  const Bound bound("sameas", arguments, {"other"});
  const Value& other = bound.require(0);
  if (subject.kind != other.kind) return false;
  const bool has_identity =
      subject.is(Kind::kSeq) || subject.is(Kind::kDict) || subject.is(Kind::kNamespace) || subject.is(Kind::kMacro);
  return has_identity ? subject.seq == other.seq : equal(evaluator.arena(), subject, other);
}

bool is_filter(Evaluator& evaluator, const Value& subject, Given) {
  return find_filter(to_str(evaluator.arena(), subject)->bytes) != nullptr;
}
bool is_test(Evaluator& evaluator, const Value& subject, Given) {
  return find_test(to_str(evaluator.arena(), subject)->bytes) != nullptr;
}

constexpr std::array kTests = {
    TestEntry{"boolean", is_kind<Kind::kBool>},
    TestEntry{"callable", is_callable},
    TestEntry{"defined", is_defined},
    TestEntry{"divisibleby", is_divisible},
    TestEntry{"eq", compares<Comparison::kEqual>},
    TestEntry{"equalto", compares<Comparison::kEqual>},
    TestEntry{"escaped", is_escaped},
    TestEntry{"even", has_parity<0>},
    TestEntry{"false", is_false_itself},
    TestEntry{"filter", is_filter},
    TestEntry{"float", is_kind<Kind::kFloat>},
    TestEntry{"ge", compares<Comparison::kGreaterEqual>},
    TestEntry{"greaterthan", compares<Comparison::kGreater>},
    TestEntry{"gt", compares<Comparison::kGreater>},
    TestEntry{"in", compares<Comparison::kIn>},
    TestEntry{"integer", is_integer},
    TestEntry{"iterable", is_iterable},
    TestEntry{"le", compares<Comparison::kLessEqual>},
    TestEntry{"lessthan", compares<Comparison::kLess>},
    TestEntry{"lower", is_case<false>},
    TestEntry{"lt", compares<Comparison::kLess>},
    TestEntry{"mapping", is_kind<Kind::kDict>},
    TestEntry{"ne", compares<Comparison::kNotEqual>},
    TestEntry{"none", is_kind<Kind::kNone>},
    TestEntry{"number", is_number},
    TestEntry{"odd", has_parity<1>},
    TestEntry{"sameas", is_same},
    TestEntry{"sequence", is_sequence},
    TestEntry{"string", is_kind<Kind::kStr>},
    TestEntry{"test", is_test},
    TestEntry{"true", is_true_itself},
    TestEntry{"undefined", is_kind<Kind::kUndefined>},
    TestEntry{"upper", is_case<true>},
};
static_assert(std::ranges::is_sorted(kTests, {}, &TestEntry::name));

/// Tests that are spelled as operators: select("==", 1).
constexpr std::array kSigns = {
    TestEntry{"!=", compares<Comparison::kNotEqual>},  TestEntry{"<", compares<Comparison::kLess>},
    TestEntry{"<=", compares<Comparison::kLessEqual>}, TestEntry{"==", compares<Comparison::kEqual>},
    TestEntry{">", compares<Comparison::kGreater>},    TestEntry{">=", compares<Comparison::kGreaterEqual>},
};

}  // namespace

const TestEntry* find_test(std::string_view name) {
  for (const std::span<const TestEntry> tests :
       {std::span<const TestEntry>(kTests), std::span<const TestEntry>(kSigns)}) {
    const auto found = std::ranges::lower_bound(tests, name, {}, &TestEntry::name);
    if (found != tests.end() && found->name == name) return &*found;
  }
  return nullptr;
}

}  // namespace hearth::text::jinja
