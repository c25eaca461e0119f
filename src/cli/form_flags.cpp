// At most one form; two would have to be fulfilled at once.
#include "cli/form_flags.h"

#include "base/file.h"

namespace hearth::cli {

namespace {

constexpr std::uint64_t kLargestForm = std::uint64_t{64} << 20;

}  // namespace

void FormFlags::declare(Flags& flags) {
  flags.text("--schema", schema_, "FILE", "Hold the answer to this JSON Schema");
  flags.text("--grammar", grammar_, "FILE", "Hold the answer to this GBNF grammar");
  flags.text("--regex", regex_, "PATTERN", "Hold the answer to this pattern of ECMA-262");
  flags.texts("--choice", choices_, "TEXT", "The answer is one of these texts; repeatable");
  flags.toggle("--json-mode", json_mode_, "The answer is a JSON object");
}

Checked<OutputFormat> FormFlags::format() const {
  using Kind = OutputFormat::Kind;
  const int n_given = !schema_.empty() + !grammar_.empty() + !regex_.empty() + !choices_.empty() + json_mode_;
  if (n_given > 1) return usage_error("--schema, --grammar, --regex, --choice and --json-mode exclude each other");
  OutputFormat format;
  if (!schema_.empty() || !grammar_.empty()) {
    format.kind = schema_.empty() ? Kind::kGrammar : Kind::kJsonSchema;
    HEARTH_TRY(format.source, read_file(schema_.empty() ? grammar_ : schema_, kLargestForm));
  } else if (!regex_.empty()) {
    format.kind = Kind::kRegex;
    format.source = regex_;
  } else if (!choices_.empty()) {
    format.kind = Kind::kChoices;
    format.choices = choices_;
  } else if (json_mode_) {
    format.kind = Kind::kJson;
  }
  return format;
}

}  // namespace hearth::cli
