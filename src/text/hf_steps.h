// The components of a Hugging Face tokenizer.json, one by one, as steps of VocabData.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/result.h"
#include "text/vocab_data.h"

namespace hearth::text {

/// Each appends to `data`; null is no component. An unknown type is refused by its name.
Status read_hf_normalizer(const nlohmann::json& json, VocabData& data);
Status read_hf_pre_tokenizer(const nlohmann::json& json, VocabData& data);
Status read_hf_decoder(const nlohmann::json& json, VocabData& data);
/// Fills data.text_template; the ids it names must exist by now.
Status read_hf_post_processor(const nlohmann::json& json, VocabData& data);

}  // namespace hearth::text
