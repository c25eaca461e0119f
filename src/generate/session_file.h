// One conversation on disk: what was read and said, as tokens, and the model's state after it. The bytes are hostile
// when they come back: whatever is foreign, stale or damaged is refused with a sentence.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/aligned_buffer.h"
#include "base/result.h"
#include "generate/cached_text.h"
#include "hearth/language_model.h"

namespace hearth::generate {

/// What a session belongs to. Where any of it differs, the state would mean something else.
struct SessionBinding {
  std::string engine;  // with its version where no numeric recipe is promised
  std::uint64_t fingerprint = 0;
  std::uint64_t template_hash = 0;
  std::uint32_t recipe_id = 0;
  KvStorage kv = KvStorage::kF16;
  std::uint64_t n_ctx = 0;
  std::uint64_t largest_state = 0;  // bytes; nothing larger is read into memory
};

/// The binding of sequences that are made with these options.
SessionBinding session_binding(const ModelInfo& info, const SequenceOptions& sequence, std::uint64_t template_hash);

struct Session {
  CachedText text;
  AlignedBuffer state;  // its first state_bytes are for LanguageModel::import_state
  std::uint64_t state_bytes = 0;
};

/// Writes the sequence, which holds exactly these tokens, and publishes the file at once: readers see all or nothing,
/// also when the process is killed. `check_size` may refuse before that. Returns the bytes written.
Result<std::uint64_t> write_session(const std::filesystem::path& path, const SessionBinding& binding,
                                    const CachedText& text, const LanguageModel& model, SequenceId sequence,
                                    const std::function<Status(std::uint64_t n_bytes)>& check_size = {});
/// The text alone, without reading the state.
Result<CachedText> parse_session_text(const std::filesystem::path& path, const SessionBinding& binding);
Result<Session> parse_session(const std::filesystem::path& path, const SessionBinding& binding);

}  // namespace hearth::generate
