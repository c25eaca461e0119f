// Names, bounds and notes of the folder of sessions.
#include "generate/session_folder.h"

#include <algorithm>
#include <utility>

#include "base/cache_file.h"
#include "base/hash.h"

#include <fmt/format.h>

namespace hearth::generate {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSessionSuffix = ".session";
constexpr std::size_t kMostNotes = 16;

std::uint64_t hash_of(std::string_view text) {
  Hash64 hash;
  hash.add(text);
  return hash.value();
}

/// Our names are two numbers of 16 hexadecimal digits, of the principal and of the rest, and a suffix.
bool is_session_name(const fs::path& path, std::string_view suffix) {
  const std::string name = path.filename().string();
  const auto hex = [](std::string_view digits) {
    return digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  };
  return name.size() == 33 + suffix.size() && name.ends_with(suffix) && name[16] == '-' &&
         hex(std::string_view(name).substr(0, 16)) && hex(std::string_view(name).substr(17, 16));
}

std::uint64_t principal_hash_of(const fs::path& path) {
  return std::stoull(path.filename().string().substr(0, 16), nullptr, 16);
}

struct FoundFile {
  fs::path path;
  std::uint64_t n_bytes = 0;
  fs::file_time_type last_used;
};

/// The ones used longest ago first.
std::vector<FoundFile> files_by_age(const fs::path& folder, std::string_view suffix) {
  std::vector<FoundFile> found;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;  // another process may remove it at any time
    if (at->symlink_status(gone).type() != fs::file_type::regular || !is_session_name(at->path(), suffix)) continue;
    FoundFile file{
        .path = at->path(), .n_bytes = at->file_size(gone), .last_used = fs::last_write_time(at->path(), gone)};
    if (!gone) found.push_back(std::move(file));
  }
  std::ranges::sort(found, [](const FoundFile& a, const FoundFile& b) {
    return std::tie(a.last_used, a.path) < std::tie(b.last_used, b.path);
  });
  return found;
}

}  // namespace

SessionFolder::SessionFolder(SessionFolderOptions options, SessionBinding binding)
    : options_(std::move(options)), binding_(std::move(binding)) {
  std::error_code error;
  if (fs::create_directories(options_.folder, error)) fs::permissions(options_.folder, fs::perms::owner_all, error);
  if (fs::is_directory(options_.folder, error)) {
    scan();
  } else {
    note({}, fmt::format("sessions are not kept: {} is no folder and cannot be made", options_.folder.string()));
  }
}

void SessionFolder::scan() {
  const std::string building = std::string(kSessionSuffix).append(FileBuild::kSuffix);
  for (const FoundFile& file : files_by_age(options_.folder, building)) remove_abandoned_build(file.path);
  for (const FoundFile& file : files_by_age(options_.folder, kSessionSuffix)) {
    auto text = parse_session_text(file.path, binding_);
    if (!text) {
      note(principal_hash_of(file.path),
           fmt::format("the session {} was skipped: {}", file.path.filename().string(), text.error().message));
    } else if (path_of(*text) != file.path) {
      note(principal_hash_of(file.path),
           fmt::format("the session {} was skipped: its name does not fit its content", file.path.filename().string()));
    } else {
      kept_.push_back({file.path, std::move(*text)});
    }
  }
}

fs::path SessionFolder::path_of(const CachedText& text) const {
  Hash64 hash;
  hash.add(binding_.fingerprint);
  hash.add(binding_.template_hash);
  hash.add(binding_.n_ctx);
  hash.add(static_cast<std::uint64_t>(binding_.kv) << 32 | binding_.recipe_id);
  hash.add(std::as_bytes(std::span(text.tokens)));
  hash.add(binding_.engine);
  return options_.folder / fmt::format("{:016x}-{:016x}{}", hash_of(text.principal), hash.value(), kSessionSuffix);
}

std::optional<Session> SessionFolder::take_better(const std::string& principal, std::size_t n_tokens,
                                                  const Reach& reach) {
  auto best = kept_.end();
  for (auto it = kept_.begin(); it != kept_.end(); ++it) {
    if (it->text.principal != principal) continue;
    const std::size_t n = reach(it->text);
    if (n <= n_tokens) continue;
    best = it;
    n_tokens = n;
  }
  if (best == kept_.end()) return std::nullopt;
  auto session = parse_session(best->path, binding_);
  if (session && (session->text.principal != principal || session->text.tokens != best->text.tokens))
    session = fail(ErrorCode::kStateMismatch, "its content was replaced");
  if (!session) {
    refuse(best->text, session.error().message);
    return std::nullopt;
  }
  mark_used(best->path);
  kept_.splice(kept_.end(), kept_, best);
  return std::move(*session);
}

void SessionFolder::refuse(const CachedText& text, const std::string& why) {
  const fs::path path = path_of(text);
  const std::uint64_t principal_hash = hash_of(text.principal);
  kept_.remove_if([&](const Kept& kept) { return kept.path == path; });  // `text` may go with it
  note(principal_hash, fmt::format("the session {} was skipped: {}", path.filename().string(), why));
}

/// Removes what was used longest ago until so much more may be written.
Status SessionFolder::make_room(std::uint64_t n_bytes) const {
  if (n_bytes > options_.max_bytes) {
    return fail(ErrorCode::kIo,
                fmt::format("it has {} bytes, all sessions together may have {}", n_bytes, options_.max_bytes));
  }
  const auto files = files_by_age(options_.folder, kSessionSuffix);
  std::uint64_t total = n_bytes;
  for (const FoundFile& file : files) total += file.n_bytes;
  for (const FoundFile& file : files) {
    if (total <= options_.max_bytes) break;
    std::error_code gone;
    fs::remove(file.path, gone);
    total -= file.n_bytes;
  }
  HEARTH_TRY(const DiskSpace disk, disk_space(options_.folder));
  if (disk.free_bytes < options_.keep_free_bytes) {
    return fail(ErrorCode::kIo, fmt::format("the disk has {} bytes left, and {} stay free for others", disk.free_bytes,
                                            options_.keep_free_bytes));
  }
  return {};
}

void SessionFolder::save(const CachedText& text, const LanguageModel& model, SequenceId sequence,
                         Beginnings beginnings) {
  const fs::path path = path_of(text);
  for (auto it = kept_.begin(); it != kept_.end(); ++it) {
    const bool covered = beginnings == Beginnings::kReplaced ? is_beginning(text, it->text) : it->path == path;
    std::error_code gone;
    if (!covered || !fs::exists(it->path, gone)) continue;
    mark_used(it->path);
    kept_.splice(kept_.end(), kept_, it);
    return;
  }
  // Before anything is written: what is known to be too much is not tried.
  Status room = make_room(text.tokens.size() * model.info().kv_bytes_per_token);
  if (room) {
    const auto written =
        write_session(path, binding_, text, model, sequence, [&](std::uint64_t n_bytes) { return make_room(n_bytes); });
    if (!written && written.error().code == ErrorCode::kBusy) return;  // somebody writes the very same
    if (!written) room = std::unexpected(written.error());
  }
  if (!room) return note(hash_of(text.principal), "this conversation was not kept on disk: " + room.error().message);
  std::erase_if(kept_, [&](const Kept& kept) {
    std::error_code gone;
    if (beginnings == Beginnings::kReplaced && is_beginning(kept.text, text) && kept.path != path)
      fs::remove(kept.path, gone);
    return kept.path == path || !fs::exists(kept.path, gone);
  });
  kept_.push_back({path, text});
}

void SessionFolder::remove_all() {
  std::error_code gone;
  for (const Kept& kept : kept_) fs::remove(kept.path, gone);
  kept_.clear();
}

void SessionFolder::note(std::optional<std::uint64_t> principal_hash, std::string sentence) {
  if (notes_.size() < kMostNotes) notes_.push_back({principal_hash, std::move(sentence)});
}

std::vector<std::string> SessionFolder::notes(const std::string& principal) {
  std::vector<std::string> told;
  std::erase_if(notes_, [&](Note& note) {
    if (note.principal_hash && *note.principal_hash != hash_of(principal)) return false;
    told.push_back(std::move(note.sentence));
    return true;
  });
  return told;
}

}  // namespace hearth::generate
