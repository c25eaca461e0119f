// Rewrites a text segment before it is cut into pieces: the normalizer steps of a vocabulary, compiled.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/vocab_data.h"

namespace hearth::text {

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  [[nodiscard]] virtual std::string apply(std::string_view text) const = 0;
};

/// The steps of `data`, which must outlive them in place.
Result<std::vector<std::unique_ptr<Normalizer>>> make_normalizers(const VocabData& data);

}  // namespace hearth::text
