// Patterns run in two passes. Backwards over the text, a deterministic automaton notes at each position which
// instructions of the program can still succeed; forwards, the match follows the first alternative that can. Both are
// linear.
#include "text/regex.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "text/regex_syntax.h"

namespace hearth::text {
namespace {

constexpr std::size_t kMaxInstructions = 2048;
constexpr std::size_t kMaxSets = 256;
constexpr std::size_t kMaxPatternBytes = 1 << 16;
constexpr std::size_t kPageSize = 256;
constexpr std::size_t kPages = (kLastCode + 1) / kPageSize;

struct Instruction {
  enum class Op : std::uint8_t { kMatch, kSet, kSplit, kLookAhead, kLookBehind, kAnchor };
  Op op = Op::kMatch;
  bool negative = false;
  RegexAnchor anchor = RegexAnchor::kTextBegin;
  std::uint16_t set = 0;              // kSet, kLookBehind
  std::uint32_t next = 0, other = 0;  // kSplit: first and second choice; kLookAhead: other is the body's entry
};

/// Code point -> class: two code points share a class when no set of the pattern tells them apart.
struct ClassMap {
  std::vector<std::int32_t> pages;    // [kPages]: the class of the whole page, or -1 - block
  std::vector<std::uint16_t> blocks;  // [n][kPageSize]
  [[nodiscard]] std::uint32_t operator()(std::uint32_t code) const {
    if (code > kLastCode) code = kLastCode;
    const std::int32_t page = pages[code / kPageSize];
    if (page >= 0) return static_cast<std::uint32_t>(page);
    return blocks[static_cast<std::size_t>(-1 - page) * kPageSize + code % kPageSize];
  }
};

}  // namespace

struct RegexProgram {
  std::vector<Instruction> code;
  std::vector<std::uint32_t> order;  // instructions such that those needed at the same position come first
  std::uint32_t start = 0;
  std::vector<CodeSet> sets;
  ClassMap class_of;
  std::uint32_t n_classes = 0;              // class n_classes: no character (either end of the text)
  std::vector<std::uint8_t> set_has_class;  // [set][class]
  std::uint32_t newline_set = 0, word_set = 0;
  bool uses_previous = false;

  [[nodiscard]] bool has(std::uint32_t set, std::uint32_t char_class) const {
    return char_class < n_classes && set_has_class[set * n_classes + char_class] != 0;
  }
};

namespace {

class Compiler {
 public:
  Result<RegexProgram> compile(const RegexNode& root) {
    HEARTH_TRY(program_.newline_set, add_set(CodeSet::single('\n')));
    HEARTH_TRY(program_.word_set, add_set(CodeSet::word()));
    HEARTH_TRY(const std::uint32_t match, add({}));
    HEARTH_TRY(program_.start, emit(root, match));
    sort_instructions();
    make_classes();
    return std::move(program_);
  }

 private:
  using Op = Instruction::Op;

  Result<std::uint32_t> add_set(const CodeSet& set) {
    const auto known = std::ranges::find(program_.sets, set);
    if (known != program_.sets.end()) return static_cast<std::uint32_t>(known - program_.sets.begin());
    if (program_.sets.size() >= kMaxSets) {
      return fail(ErrorCode::kUnsupportedModel,
                  fmt::format("compiling a split pattern: it has more than {} different character classes", kMaxSets));
    }
    program_.sets.push_back(set);
    return static_cast<std::uint32_t>(program_.sets.size() - 1);
  }

  Result<std::uint32_t> add(Instruction instruction) {
    if (program_.code.size() >= kMaxInstructions) {
      return fail(ErrorCode::kUnsupportedModel,
                  fmt::format("compiling a split pattern: it needs more than {} instructions", kMaxInstructions));
    }
    program_.code.push_back(instruction);
    return static_cast<std::uint32_t>(program_.code.size() - 1);
  }

  Result<std::uint32_t> add_set_step(std::uint32_t set, std::uint32_t next) {
    Instruction step;
    step.op = Op::kSet;
    step.set = static_cast<std::uint16_t>(set);
    step.next = next;
    return add(step);
  }

  Result<std::uint32_t> add_split(std::uint32_t first, std::uint32_t second) {
    Instruction split;
    split.op = Op::kSplit;
    split.next = first;
    split.other = second;
    return add(split);
  }

  /// Code that matches `node` and continues at `next`; its entry.
  Result<std::uint32_t> emit(const RegexNode& node, std::uint32_t next) {
    using Kind = RegexNode::Kind;
    switch (node.kind) {
      case Kind::kEmpty: return next;
      case Kind::kSet: {
        HEARTH_TRY(const std::uint32_t set, add_set(node.set));
        return add_set_step(set, next);
      }
      case Kind::kConcat: {
        for (auto child = node.children.rbegin(); child != node.children.rend(); ++child) {
          HEARTH_TRY(next, emit(*child, next));
        }
        return next;
      }
      case Kind::kAlternate: {
        HEARTH_TRY(std::uint32_t entry, emit(node.children.back(), next));
        for (auto child = std::next(node.children.rbegin()); child != node.children.rend(); ++child) {
          HEARTH_TRY(const std::uint32_t first, emit(*child, next));
          HEARTH_TRY(entry, add_split(first, entry));
        }
        return entry;
      }
      case Kind::kRepeat: return emit_repeat(node, next);
      case Kind::kLookAhead: {
        HEARTH_TRY(const std::uint32_t match, add({}));
        HEARTH_TRY(const std::uint32_t body, emit(node.children[0], match));
        return add_look(Op::kLookAhead, node.negative, body, next);
      }
      case Kind::kLookBehind: {
        program_.uses_previous = true;
        Instruction look;
        look.op = Op::kLookBehind;
        look.negative = node.negative;
        HEARTH_TRY(const std::uint32_t set, add_set(node.set));
        look.set = static_cast<std::uint16_t>(set);
        look.next = next;
        return add(look);
      }
      case Kind::kAnchor: {
        program_.uses_previous = true;
        Instruction anchor;
        anchor.op = Op::kAnchor;
        anchor.anchor = node.anchor;
        anchor.next = next;
        return add(anchor);
      }
    }
    return next;
  }

  Result<std::uint32_t> add_look(Op op, bool negative, std::uint32_t body, std::uint32_t next) {
    Instruction look;
    look.op = op;
    look.negative = negative;
    look.other = body;
    look.next = next;
    return add(look);
  }

  Result<std::uint32_t> emit_repeat(const RegexNode& node, std::uint32_t next) {
    const RegexNode& body = node.children[0];
    // A possessive run of one set gives nothing back: where it stops short of its limit, no further character may fit.
    std::uint32_t stop = next;
    if (node.possessive) {
      HEARTH_TRY(const std::uint32_t match, add({}));
      HEARTH_TRY(const std::uint32_t one_more, emit(body, match));
      HEARTH_TRY(stop, add_look(Op::kLookAhead, true, one_more, next));
    }
    std::uint32_t entry = next;
    if (node.max == RegexNode::kUnbounded) {
      HEARTH_TRY(const std::uint32_t loop, add_split(0, 0));
      HEARTH_TRY(const std::uint32_t again, emit(body, loop));
      program_.code[loop].next = node.greedy ? again : stop;
      program_.code[loop].other = node.greedy ? stop : again;
      entry = loop;
    } else {
      for (std::uint32_t i = node.min; i < node.max; ++i) {
        HEARTH_TRY(const std::uint32_t once, emit(body, entry));
        HEARTH_TRY(entry, node.greedy ? add_split(once, stop) : add_split(stop, once));
      }
    }
    for (std::uint32_t i = 0; i < node.min; ++i) {
      HEARTH_TRY(entry, emit(body, entry));
    }
    return entry;
  }

  /// Orders the instructions so that each comes after those it asks about at its own position. Repetitions never repeat
  /// something empty, so there is such an order.
  void sort_instructions() {
    std::vector<std::uint8_t> seen(program_.code.size(), 0);
    std::vector<std::pair<std::uint32_t, bool>> open;
    for (std::uint32_t root = 0; root < program_.code.size(); ++root) {
      open.emplace_back(root, false);
      while (!open.empty()) {
        const auto [at, done] = open.back();
        open.pop_back();
        if (done) {
          program_.order.push_back(at);
          continue;
        }
        if (seen[at] != 0) continue;
        seen[at] = 1;
        open.emplace_back(at, true);
        const Instruction& instruction = program_.code[at];
        if (instruction.op == Op::kMatch || instruction.op == Op::kSet) continue;
        if (instruction.op == Op::kSplit || instruction.op == Op::kLookAhead)
          open.emplace_back(instruction.other, false);
        open.emplace_back(instruction.next, false);
      }
    }
  }

  void make_classes() {
    // Cut the code points at every border of every set; stretches with the same membership are one class.
    std::vector<std::uint32_t> borders{0};
    for (const CodeSet& set : program_.sets) {
      for (const auto& range : set.ranges()) {
        borders.push_back(range.first);
        if (range.last < kLastCode) borders.push_back(range.last + 1);
      }
    }
    std::ranges::sort(borders);
    borders.erase(std::ranges::unique(borders).begin(), borders.end());
    std::map<std::vector<bool>, std::uint32_t> classes;
    std::vector<std::uint32_t> class_at(borders.size());
    for (std::size_t i = 0; i < borders.size(); ++i) {
      std::vector<bool> members;
      members.reserve(program_.sets.size());
      for (const CodeSet& set : program_.sets) members.push_back(set.contains(borders[i]));
      class_at[i] = classes.emplace(std::move(members), static_cast<std::uint32_t>(classes.size())).first->second;
    }
    program_.n_classes = static_cast<std::uint32_t>(classes.size());
    program_.set_has_class.assign(program_.sets.size() * program_.n_classes, 0);
    for (const auto& [members, number] : classes) {
      for (std::size_t set = 0; set < members.size(); ++set) {
        program_.set_has_class[set * program_.n_classes + number] = members[set] ? 1 : 0;
      }
    }
    fill_pages(borders, class_at);
  }

  void fill_pages(const std::vector<std::uint32_t>& borders, const std::vector<std::uint32_t>& class_at) {
    ClassMap& map = program_.class_of;
    map.pages.assign(kPages, 0);
    std::size_t stretch = 0;
    for (std::size_t page = 0; page < kPages; ++page) {
      const auto first = static_cast<std::uint32_t>(page * kPageSize);
      while (stretch + 1 < borders.size() && borders[stretch + 1] <= first) ++stretch;
      if (stretch + 1 >= borders.size() || borders[stretch + 1] >= first + kPageSize) {
        map.pages[page] = static_cast<std::int32_t>(class_at[stretch]);
        continue;
      }
      map.pages[page] = -1 - static_cast<std::int32_t>(map.blocks.size() / kPageSize);
      for (std::uint32_t code = first; code < first + kPageSize; ++code) {
        while (stretch + 1 < borders.size() && borders[stretch + 1] <= code) ++stretch;
        map.blocks.push_back(static_cast<std::uint16_t>(class_at[stretch]));
      }
    }
  }

  RegexProgram program_;
};

}  // namespace

/// The automaton: states are sets of instructions that can succeed, made when first needed.
class RegexAutomaton {
 public:
  explicit RegexAutomaton(const RegexProgram& program) : program_(program), n_words_((program.code.size() + 63) / 64) {
    const std::size_t n_here = program.n_classes + 1;
    row_size_ = n_here * (program.uses_previous ? n_here : 1);
    scratch_.resize(n_words_);
  }

  const std::vector<RegexMatch>& run(std::span<const std::uint32_t> codes) {
    codes_ = codes;
    if (states_.size() > kMaxKeptWords) forget();
    look_back_to_front();
    matches_.clear();
    const auto n = static_cast<std::uint32_t>(codes_.size());
    for (std::uint32_t pos = 0; pos <= n;) {
      if (!succeeds(pos, program_.start)) {
        ++pos;
        continue;
      }
      const std::uint32_t end = walk(pos);
      matches_.push_back({pos, end});
      pos = end > pos ? end : pos + 1;
    }
    return matches_;
  }

 private:
  using Op = Instruction::Op;
  static constexpr std::size_t kMaxCachedStates = 4096;
  static constexpr std::size_t kMaxKeptWords = 1 << 20;  // 8 MiB of states survive from text to text

  void forget() {
    states_.clear();
    rows_.clear();
    by_hash_.clear();
  }

  [[nodiscard]] bool bit(const std::uint64_t* words, std::uint32_t instruction) const {
    return (words[instruction / 64] >> (instruction % 64) & 1) != 0;
  }
  [[nodiscard]] bool succeeds(std::uint32_t pos, std::uint32_t instruction) const {
    return bit(&states_[state_at_[pos] * n_words_], instruction);
  }

  void look_back_to_front() {
    const std::size_t n = codes_.size();
    state_at_.resize(n + 1);
    std::uint32_t after = kNone;
    std::uint32_t here_class = program_.n_classes;
    for (std::size_t pos = n + 1; pos-- > 0;) {
      const std::uint32_t previous_class = pos == 0 ? program_.n_classes : program_.class_of(codes_[pos - 1]);
      after = step(after, here_class, previous_class, pos == n || (pos + 1 == n));
      state_at_[pos] = after;
      here_class = previous_class;
    }
  }

  /// The state at a position, from the state after its character. `near_end`: positions where \Z has its say.
  std::uint32_t step(std::uint32_t after, std::uint32_t here, std::uint32_t previous, bool near_end) {
    const std::size_t column = program_.uses_previous ? here * (program_.n_classes + 1) + previous : here;
    const bool cached = after != kNone && after < kMaxCachedStates && !near_end;
    if (cached) {
      if (rows_.size() <= after) rows_.resize(after + 1);
      if (rows_[after].empty()) rows_[after].assign(row_size_, kNone);
      if (rows_[after][column] != kNone) return rows_[after][column];
    }
    std::ranges::fill(scratch_, 0);
    for (const std::uint32_t at : program_.order) {
      if (evaluate(program_.code[at], after, here, previous, near_end)) scratch_[at / 64] |= 1ULL << (at % 64);
    }
    const std::uint32_t state = intern();
    if (cached) rows_[after][column] = state;
    return state;
  }

  bool evaluate(const Instruction& instruction, std::uint32_t after, std::uint32_t here, std::uint32_t previous,
                bool near_end) const {
    switch (instruction.op) {
      case Op::kMatch: return true;
      case Op::kSet:
        return after != kNone && program_.has(instruction.set, here) &&
               bit(&states_[after * n_words_], instruction.next);
      case Op::kSplit: return bit(scratch_.data(), instruction.next) || bit(scratch_.data(), instruction.other);
      case Op::kLookAhead:
        return bit(scratch_.data(), instruction.other) != instruction.negative &&
               bit(scratch_.data(), instruction.next);
      case Op::kLookBehind:
        return program_.has(instruction.set, previous) != instruction.negative &&
               bit(scratch_.data(), instruction.next);
      case Op::kAnchor:
        return holds(instruction.anchor, here, previous, near_end) && bit(scratch_.data(), instruction.next);
    }
    return false;
  }

  [[nodiscard]] bool holds(RegexAnchor anchor, std::uint32_t here, std::uint32_t previous, bool near_end) const {
    const bool at_begin = previous == program_.n_classes;
    const bool at_end = here == program_.n_classes;
    switch (anchor) {
      case RegexAnchor::kTextBegin: return at_begin;
      case RegexAnchor::kTextEnd: return at_end;
      case RegexAnchor::kTextEndOrLastNewline: return at_end || (near_end && program_.has(program_.newline_set, here));
      case RegexAnchor::kLineBegin: return at_begin || (!at_end && program_.has(program_.newline_set, previous));
      case RegexAnchor::kLineEnd: return at_end || program_.has(program_.newline_set, here);
      case RegexAnchor::kWordBoundary:
        return program_.has(program_.word_set, here) != program_.has(program_.word_set, previous);
      case RegexAnchor::kNoWordBoundary:
        return program_.has(program_.word_set, here) == program_.has(program_.word_set, previous);
    }
    return false;
  }

  std::uint32_t intern() {
    std::uint64_t hash = 0x9E3779B97F4A7C15ULL;
    for (const std::uint64_t word : scratch_) hash = (hash ^ word) * 0xD6E8FEB86659FD93ULL + (hash >> 31);
    const auto [first, last] = by_hash_.equal_range(hash);
    for (auto it = first; it != last; ++it) {
      if (std::equal(scratch_.begin(), scratch_.end(),
                     states_.begin() + static_cast<std::ptrdiff_t>(it->second * n_words_))) {
        return it->second;
      }
    }
    const auto state = static_cast<std::uint32_t>(states_.size() / n_words_);
    states_.insert(states_.end(), scratch_.begin(), scratch_.end());
    by_hash_.emplace(hash, state);
    return state;
  }

  /// The end of the match that begins at `pos`, where the start is known to succeed.
  [[nodiscard]] std::uint32_t walk(std::uint32_t pos) const {
    std::uint32_t at = program_.start;
    while (true) {
      const Instruction& instruction = program_.code[at];
      switch (instruction.op) {
        case Op::kMatch: return pos;
        case Op::kSet: ++pos; [[fallthrough]];
        case Op::kLookAhead:
        case Op::kLookBehind:
        case Op::kAnchor: at = instruction.next; break;
        case Op::kSplit: at = succeeds(pos, instruction.next) ? instruction.next : instruction.other; break;
      }
    }
  }

  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  const RegexProgram& program_;
  std::span<const std::uint32_t> codes_;
  std::size_t n_words_;
  std::size_t row_size_ = 0;
  std::vector<std::uint64_t> scratch_;
  std::vector<std::uint64_t> states_;             // [state][n_words_]
  std::vector<std::vector<std::uint32_t>> rows_;  // [state][class, previous class] -> state
  std::unordered_multimap<std::uint64_t, std::uint32_t> by_hash_;
  std::vector<std::uint32_t> state_at_;  // [n + 1]
  std::vector<RegexMatch> matches_;
};

Regex::~Regex() = default;
Regex::Regex(const Regex&) = default;
Regex& Regex::operator=(const Regex&) = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

Result<Regex> Regex::compile(std::string_view pattern, RegexAnchors anchors) {
  if (pattern.size() > kMaxPatternBytes) {
    return fail(ErrorCode::kUnsupportedModel, fmt::format("compiling a split pattern: it has {} bytes, the most is {}",
                                                          pattern.size(), kMaxPatternBytes));
  }
  HEARTH_TRY(const RegexNode tree, parse_regex(pattern, anchors));
  HEARTH_TRY(RegexProgram program, Compiler().compile(tree));
  Regex regex;
  regex.program_ = std::make_shared<const RegexProgram>(std::move(program));
  return regex;
}

std::vector<RegexMatch> Regex::find_all(std::span<const std::uint32_t> codes) const {
  return RegexAutomaton(*program_).run(codes);
}

RegexSearch::RegexSearch(const Regex& regex) : automaton_(std::make_unique<RegexAutomaton>(*regex.program_)) {}
RegexSearch::~RegexSearch() = default;

const std::vector<RegexMatch>& RegexSearch::find_all(std::span<const std::uint32_t> codes) {
  return automaton_->run(codes);
}

}  // namespace hearth::text
