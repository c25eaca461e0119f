// What of a download is known to be on the disk: a file beside the part that survives any death of the process. A
// record says "these bytes had this digest and were synced"; it is believed only after the bytes were read again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "base/part_file.h"
#include "base/result.h"

namespace hearth::library {

/// What must be the same for parts of an earlier attempt to be worth anything.
struct JournalHead {
  std::string identity;  // what is downloaded: a digest, or an address with its entity tag
  std::uint64_t n_bytes = 0;
  std::uint64_t chunk_bytes = 0;
  friend bool operator==(const JournalHead&, const JournalHead&) = default;
};

/// Appending is for one thread at a time.
class Journal {
 public:
  /// Reads what is there; a journal of something else, or one that cannot be read, begins anew. One of the same
  /// download in chunks of another size goes on in those. One that another version of Hearth wrote in another form is
  /// kUnsupportedFormat and stays as it is.
  static Result<Journal> open(const std::filesystem::path& path, const JournalHead& head);
  [[nodiscard]] const JournalHead& head() const { return head_; }

  /// Chunk -> SHA-256, as recorded by earlier lives. Hostile: the disk may have lied.
  [[nodiscard]] const std::map<std::uint64_t, std::string>& chunks() const { return chunks_; }
  /// False: it was begun anew.
  [[nodiscard]] bool continued() const { return continued_; }
  /// Durable when it returns. The chunk's bytes must have been synced before.
  Status append(std::uint64_t chunk, const std::string& sha256);
  /// Forgets all chunks.
  Status clear();

 private:
  Journal(PartFile file, JournalHead head) : file_(std::move(file)), head_(std::move(head)) {}
  Status begin();
  PartFile file_;
  JournalHead head_;
  std::map<std::uint64_t, std::string> chunks_;
  std::uint64_t end_ = 0;
  bool continued_ = false;
};

}  // namespace hearth::library
