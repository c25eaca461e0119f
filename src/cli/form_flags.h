// The flags that hold an answer to a form: a schema, a grammar, a pattern, choices.
#pragma once

#include <string>
#include <vector>

#include "cli/flags.h"
#include "cli/outcome.h"
#include "hearth/request.h"

namespace hearth::cli {

class FormFlags {
 public:
  void declare(Flags& flags);
  /// Reads the files; free text without any of the flags.
  [[nodiscard]] Checked<OutputFormat> format() const;

 private:
  std::string schema_, grammar_, regex_;
  std::vector<std::string> choices_;
  bool json_mode_ = false;
};

}  // namespace hearth::cli
