// The folder in which sessions outlive the process: finds the one that helps a prompt most, keeps the folder within its
// bounds, and never lets one principal's session serve another.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "generate/session_file.h"

namespace hearth::generate {

struct SessionFolderOptions {
  std::filesystem::path folder;                            // made if it is not there, for this user alone
  std::uint64_t max_bytes = std::uint64_t{4} << 30;        // of all sessions in it; those used longest ago go first
  std::uint64_t keep_free_bytes = std::uint64_t{1} << 30;  // of the disk, for everybody else
};

/// Several processes may share a folder; each sees what was there when it began, and what it wrote itself. For one
/// thread.
class SessionFolder {
 public:
  /// Reads the texts of what is there. A folder that cannot be used is told by the first notes(), not an error.
  SessionFolder(SessionFolderOptions options, SessionBinding binding);

  /// How many tokens of the prompt a kept text can serve.
  using Reach = std::function<std::size_t(const CachedText& kept)>;
  /// The session of this principal that reaches furthest, if it reaches beyond `n_tokens`; nothing when there is none
  /// or it cannot be read, which is noted. What was tried and failed is not tried again.
  std::optional<Session> take_better(const std::string& principal, std::size_t n_tokens, const Reach& reach);
  /// What was taken does not fit the engine after all.
  void refuse(const CachedText& text, const std::string& why);

  enum class Beginnings : std::uint8_t { kReplaced, kKept };
  /// Writes the sequence. With kReplaced, sessions that are a beginning of this text are of no further use.
  void save(const CachedText& text, const LanguageModel& model, SequenceId sequence, Beginnings beginnings);
  /// Removes the sessions of this binding.
  void remove_all();

  /// What went wrong since the last call and concerns this principal, in sentences.
  std::vector<std::string> notes(const std::string& principal);

 private:
  struct Kept {
    std::filesystem::path path;
    CachedText text;
  };
  struct Note {
    std::optional<std::uint64_t> principal_hash;  // absent: of interest to everybody
    std::string sentence;
  };
  [[nodiscard]] std::filesystem::path path_of(const CachedText& text) const;
  void scan();
  Status make_room(std::uint64_t n_bytes) const;
  void note(std::optional<std::uint64_t> principal_hash, std::string sentence);

  SessionFolderOptions options_;
  SessionBinding binding_;
  std::list<Kept> kept_;  // most recently used last
  std::vector<Note> notes_;
};

}  // namespace hearth::generate
