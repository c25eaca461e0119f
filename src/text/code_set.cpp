// Range arithmetic, and the sets behind \s, \w and \p{...}.
#include "text/code_set.h"

#include <algorithm>
#include <array>
#include <map>

#include "text/char_class.h"

namespace hearth::text {
namespace {

using Range = CodeSet::Range;

/// The ranges of each general category, computed once from the property tables.
const std::array<CodeSet, kCategoryCount>& category_sets() {
  static const std::array<CodeSet, kCategoryCount> sets = [] {
    std::array<std::vector<Range>, kCategoryCount> ranges;
    for (std::uint32_t code = 0; code <= kLastCode; ++code) {
      auto& list = ranges[general_category(code)];
      if (!list.empty() && list.back().last + 1 == code) {
        list.back().last = code;
      } else {
        list.push_back({code, code});
      }
    }
    std::array<CodeSet, kCategoryCount> result;
    for (int i = 0; i < kCategoryCount; ++i)
      result[static_cast<std::size_t>(i)] = CodeSet(std::move(ranges[static_cast<std::size_t>(i)]));
    return result;
  }();
  return sets;
}

/// Characters with case, grouped by what they fold to.
const std::map<std::uint32_t, std::vector<std::uint32_t>>& case_groups() {
  static const std::map<std::uint32_t, std::vector<std::uint32_t>> groups = [] {
    std::map<std::uint32_t, std::vector<std::uint32_t>> result;
    for (std::uint32_t code = 0; code < 0x1F000; ++code) {
      const std::uint32_t fold = simple_lower(simple_upper(code));
      if (fold != code || simple_upper(code) != code) result[fold].push_back(code);
    }
    for (auto& [fold, members] : result) {
      if (std::ranges::find(members, fold) == members.end()) members.push_back(fold);
    }
    return result;
  }();
  return groups;
}

struct Script {
  std::string_view name;
  std::vector<Range> ranges;
};

/// Unicode's Scripts.txt for the scripts that tokenizers name.
const std::vector<Script>& scripts() {
  static const std::vector<Script> table = {
      {"Han", {{0x2E80, 0x2E99},   {0x2E9B, 0x2EF3},   {0x2F00, 0x2FD5},   {0x3005, 0x3005},   {0x3007, 0x3007},
               {0x3021, 0x3029},   {0x3038, 0x303B},   {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFA6D},
               {0xFA70, 0xFAD9},   {0x16FE2, 0x16FE3}, {0x16FF0, 0x16FF1}, {0x20000, 0x2A6DF}, {0x2A700, 0x2B739},
               {0x2B740, 0x2B81D}, {0x2B820, 0x2CEA1}, {0x2CEB0, 0x2EBE0}, {0x2EBF0, 0x2EE5D}, {0x2F800, 0x2FA1D},
               {0x30000, 0x3134A}, {0x31350, 0x323AF}}},
      {"Hiragana",
       {{0x3041, 0x3096},
        {0x309D, 0x309F},
        {0x1B001, 0x1B11F},
        {0x1B132, 0x1B132},
        {0x1B150, 0x1B152},
        {0x1F200, 0x1F200}}},
      {"Katakana",
       {{0x30A1, 0x30FA},
        {0x30FD, 0x30FF},
        {0x31F0, 0x31FF},
        {0x32D0, 0x32FE},
        {0x3300, 0x3357},
        {0xFF66, 0xFF6F},
        {0xFF71, 0xFF9D},
        {0x1AFF0, 0x1AFF3},
        {0x1AFF5, 0x1AFFB},
        {0x1AFFD, 0x1AFFE},
        {0x1B000, 0x1B000},
        {0x1B120, 0x1B122},
        {0x1B155, 0x1B155},
        {0x1B164, 0x1B167}}},
      {"Hangul",
       {{0x1100, 0x11FF},
        {0x302E, 0x302F},
        {0x3131, 0x318E},
        {0x3200, 0x321E},
        {0x3260, 0x327E},
        {0xA960, 0xA97C},
        {0xAC00, 0xD7A3},
        {0xD7B0, 0xD7C6},
        {0xD7CB, 0xD7FB},
        {0xFFA0, 0xFFBE},
        {0xFFC2, 0xFFC7},
        {0xFFCA, 0xFFCF},
        {0xFFD2, 0xFFD7},
        {0xFFDA, 0xFFDC}}},
      {"Thai", {{0x0E01, 0x0E3A}, {0x0E40, 0x0E5B}}},
  };
  return table;
}

}  // namespace

CodeSet::CodeSet(std::vector<Range> ranges) {
  std::ranges::sort(ranges, {}, &Range::first);
  for (const Range& range : ranges) {
    if (range.first > range.last) continue;
    if (!ranges_.empty() && range.first <= ranges_.back().last + 1) {
      ranges_.back().last = std::max(ranges_.back().last, range.last);
    } else {
      ranges_.push_back(range);
    }
  }
}

CodeSet CodeSet::white_space() {
  return CodeSet({{0x09, 0x0D},
                  {0x20, 0x20},
                  {0x85, 0x85},
                  {0xA0, 0xA0},
                  {0x1680, 0x1680},
                  {0x2000, 0x200A},
                  {0x2028, 0x2029},
                  {0x202F, 0x202F},
                  {0x205F, 0x205F},
                  {0x3000, 0x3000}});
}

CodeSet CodeSet::word() {
  // Circled and squared letters are symbols that count as letters. Of the numbers that are no digits (No), only those
  // of Latin-1 are in: superscript 1, 2, 3 and three fractions.
  CodeSet set({{0x24B6, 0x24E9},
               {0x1F130, 0x1F149},
               {0x1F150, 0x1F169},
               {0x1F170, 0x1F189},
               {0xB2, 0xB3},
               {0xB9, 0xB9},
               {0xBC, 0xBE}});
  for (const std::string_view name : {"L", "M", "Nd", "Nl", "Pc"}) set = set.united(*property(name));
  return set;
}

std::optional<CodeSet> CodeSet::property(std::string_view name) {
  if (name == "Any") return CodeSet({{0, kLastCode}});
  for (const Script& script : scripts()) {
    if (name == script.name || (name.starts_with("Script=") && name.substr(7) == script.name))
      return CodeSet(script.ranges);
  }
  CodeSet set;
  bool found = false;
  for (std::size_t i = 0; i < kCategoryCount; ++i) {
    const std::string_view category = kCategoryNames.substr(2 * i, 2);
    if (category == name || (name.size() == 1 && category[0] == name[0])) {
      set = set.united(category_sets()[i]);
      found = true;
    }
  }
  if (!found) return std::nullopt;
  return set;
}

bool CodeSet::contains(std::uint32_t code) const {
  const auto after = std::ranges::upper_bound(ranges_, code, {}, &Range::first);
  return after != ranges_.begin() && code <= std::prev(after)->last;
}

CodeSet CodeSet::united(const CodeSet& other) const {
  std::vector<Range> ranges = ranges_;
  ranges.insert(ranges.end(), other.ranges_.begin(), other.ranges_.end());
  return CodeSet(std::move(ranges));
}

CodeSet CodeSet::complement() const {
  CodeSet result;
  std::uint32_t next = 0;
  for (const Range& range : ranges_) {
    if (range.first > next) result.ranges_.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= kLastCode) result.ranges_.push_back({next, kLastCode});
  return result;
}

CodeSet CodeSet::intersected(const CodeSet& other) const {
  return complement().united(other.complement()).complement();
}

CodeSet CodeSet::case_closed() const {
  std::vector<Range> ranges = ranges_;
  const auto add = [&](const std::vector<std::uint32_t>& members) {
    for (const std::uint32_t code : members) ranges.push_back({code, code});
  };
  if (ranges_.size() == 1 && ranges_[0].first == ranges_[0].last) {
    const auto group = case_groups().find(simple_lower(simple_upper(ranges_[0].first)));
    if (group != case_groups().end()) add(group->second);
    return CodeSet(std::move(ranges));
  }
  for (const auto& [fold, members] : case_groups()) {
    if (std::ranges::any_of(members, [&](std::uint32_t code) { return contains(code); })) add(members);
  }
  return CodeSet(std::move(ranges));
}

}  // namespace hearth::text
