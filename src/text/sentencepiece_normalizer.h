// SentencePiece's normalizer, and what Hugging Face makes of its character map.
#pragma once

#include <memory>

#include "text/normalizer.h"

namespace hearth::text {

/// The whole normalizer: map, spaces, prefix. User-defined tokens of `data` pass through unchanged.
Result<std::unique_ptr<Normalizer>> make_sentencepiece_normalizer(const NormalizerStep& step, const VocabData& data);
/// Hugging Face's Precompiled: the map applied to short grapheme clusters as a whole, else character by character.
Result<std::unique_ptr<Normalizer>> make_charsmap_normalizer(const NormalizerStep& step);
/// Hugging Face's Nmt.
std::unique_ptr<Normalizer> make_nmt_normalizer();

}  // namespace hearth::text
