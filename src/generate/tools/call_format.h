// How families of models write the calls of tools, as one table of data: readers and constraints are made from it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::generate {

/// How one call says its name and its arguments.
enum class CallSyntax : std::uint8_t {
  kObject,      // {"name": "f", "arguments": {..}}
  kNameJson,    // f <name_close> {..}
  kNameTags,    // f <name_close> <key>k</key><value>v</value>..
  kNameBraces,  // f{k:<|"|>v<|"|>,n:1}
  kPython,      // f(k="v", n=1)
  kSoleMember,  // {"f": {..}}
  kRecipient,   // a message whose header names the function: harmony
};

/// One way of writing calls: block_open [list_open] call (separator call)* [list_close] block_close, where a call is
/// call_open, what its syntax says, call_close. White space in these texts stands for any white space. What closes a
/// call or a block may be missing where the reply ends.
struct CallFormat {
  CallSyntax syntax = CallSyntax::kObject;
  std::string_view block_open = {}, block_close = {};
  std::string_view list_open = {}, list_close = {};
  std::string_view separator = {};  // between calls of a block
  std::string_view call_open = {}, call_close = {};
  std::string_view name_prefix = {};  // in front of the name, no part of it: "functions."
  std::string_view name_close = {};   // behind the name
  std::string_view id_mark = {};      // between the name and an id: "[CALL_ID]", ":"
  std::string_view name_key = "name";
  std::string_view arguments_key = "arguments";
  std::string_view id_key = "id";
  std::string_view key_open = {}, key_close = {}, value_open = {}, value_close = {};  // kNameTags
  std::string_view string_mark = {}, other_mark = {};  // kNameTags: behind the key, what kind of value follows
  std::string_view quote = {};                         // kNameBraces

  /// What a call or block begins with. Empty: nothing marks it; then it stands at the beginning of the answer and
  /// names a tool that there is, or else it is text.
  [[nodiscard]] std::string_view opener() const {
    return !block_open.empty() ? block_open : list_open.empty() ? call_open : std::string_view();
  }
  [[nodiscard]] bool marked() const { return !opener().empty(); }
  /// Whether more than one call may stand in a block.
  [[nodiscard]] bool has_blocks() const { return !block_open.empty() || !list_open.empty() || !separator.empty(); }
};

struct CallFamily {
  std::string_view name;
  /// A template that holds all texts of one of these lists speaks for the family; the first family of the table wins.
  std::vector<std::vector<std::string_view>> signs;
  /// The first is what the model was taught and what constraints generate; the others are read as well.
  std::vector<CallFormat> formats;
};

std::span<const CallFamily> call_families();

struct ChosenCalls {
  const CallFamily* family = nullptr;
  std::string why;  // one sentence
};

/// By what the chat template says about calls; the family "generic" where it says nothing.
ChosenCalls choose_call_family(std::string_view template_source);
/// Null where there is no such name.
const CallFamily* find_call_family(std::string_view name);

/// Every text of a format that a control token may stand for.
std::vector<std::string_view> format_texts(const CallFormat& format);

}  // namespace hearth::generate
