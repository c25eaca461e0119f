// hearth constrain: judge a text by a schema, a pattern or a grammar, or say whether one is supported.
#include "base/file.h"
#include "cli/command.h"
#include "cli/console.h"
#include "constrain/constraint.h"

#include <fmt/format.h>

namespace hearth::cli {

namespace {

constexpr std::uint64_t kLargestSource = 1ull << 26;
constexpr int kNotSupported = 3;

class Constrain final : public Command {
 public:
  void declare(Flags& flags) override {
    flags.texts("--schema", schema_, "FILE", "A JSON Schema (draft 2020-12)");
    flags.texts("--regex", regex_, "PATTERN", "A pattern of ECMA-262 that the whole text must match");
    flags.texts("--grammar", grammar_, "FILE", "A GBNF grammar");
    flags.texts("--text", text_, "FILE",
                "The text to judge, every byte of it; without it only the constraint is checked");
    flags.toggle("--assert-formats", assert_formats_,
                 "Judge by the keyword format too, which the draft makes a remark");
  }

  Outcome run(const Settings&) override {
    if (schema_.size() + regex_.size() + grammar_.size() != 1)
      return usage_error("exactly one of --schema, --regex and --grammar is needed; see hearth constrain --help");
    if (text_.size() > 1) return usage_error("--text can be given only once; see hearth constrain --help");
    if (assert_formats_ && (schema_.empty() || text_.empty()))
      return usage_error("--assert-formats judges a --text by a --schema; see hearth constrain --help");
    const auto constraint = open();
    if (!constraint) return failure(constraint.error());
    if (text_.empty()) {
      const auto shortest = (*constraint)->shortest_bytes();
      if (!shortest) return failure(shortest.error());
      HEARTH_CHECK(print(fmt::format("supported; the shortest text takes {} bytes\n", *shortest)));
      return kOk;
    }
    const auto text = read_file(text_[0], kLargestSource);
    if (!text) return failure(text.error());
    const auto formats = assert_formats_ ? constrain::FormatCheck::kAssertion : constrain::FormatCheck::kAnnotation;
    const auto accepted = (*constraint)->accepts(*text, formats);
    if (!accepted) return std::unexpected(Failure(accepted.error(), kNotSupported));
    HEARTH_CHECK(print(*accepted ? "accepted\n" : "rejected\n"));
    return *accepted ? kOk : kFailed;
  }

 private:
  [[nodiscard]] Result<constrain::Constraint::Shared> open() const {
    if (!regex_.empty()) return constrain::Constraint::from_regex(regex_[0]);
    HEARTH_TRY(const std::string source, read_file(schema_.empty() ? grammar_[0] : schema_[0], kLargestSource));
    return schema_.empty() ? constrain::Constraint::from_gbnf(source) : constrain::Constraint::from_json_schema(source);
  }

  /// Exit code 1 is kept for "rejected".
  static std::unexpected<Failure> failure(const Error& error) {
    return std::unexpected(Failure(error, error.code == ErrorCode::kUnsupportedConstraint ? kNotSupported : kUsage));
  }

  std::vector<std::string> schema_, regex_, grammar_, text_;
  bool assert_formats_ = false;
};

}  // namespace

CommandInfo constrain_command() {
  return {.name = "constrain",
          .summary = "Judge a text by a JSON Schema, a pattern or a grammar",
          .description =
              "Says whether a text fulfils a constraint that replies can be held to, or, without --text, whether the\n"
              "constraint is supported. Exit codes: 0 accepted (or supported), 1 rejected, 2 wrong usage or a broken\n"
              "constraint, 3 not supported: the message names the keyword.",
          .examples =
              "  hearth constrain --schema person.json --text reply.json\n"
              "  hearth constrain --regex '[a-z]+' --text word.txt",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<Constrain>(); }};
}

}  // namespace hearth::cli
