// Lines of text, each ending with a checksum of itself: a torn or foreign line is not a line.
#include "library/fetch/journal.h"

#include <charconv>
#include <optional>
#include <string_view>

#include "base/hash.h"

#include <fmt/format.h>

namespace hearth::library {

namespace {

constexpr std::size_t kMostJournalBytes = 64u << 20;  // half a million chunks of 8 MiB

std::string sealed(const std::string& text) {
  Hash64 hash;
  hash.add(std::string_view(text));
  return fmt::format("{} {:016x}\n", text, hash.value());
}

/// The line's text when its seal is whole.
std::string_view unsealed(std::string_view line) {
  if (line.size() < 18 || line[line.size() - 17] != ' ') return {};
  const std::string_view text = line.substr(0, line.size() - 17);
  return sealed(std::string(text)) == std::string(line) + "\n" ? text : std::string_view();
}

constexpr std::string_view kForm = "hearth-download ";
constexpr unsigned kJournalVersion = 1;

std::string head_line(const JournalHead& head) {
  return sealed(fmt::format("{}{} {} {} {}", kForm, kJournalVersion, head.n_bytes, head.chunk_bytes, head.identity));
}

template <typename Number>
bool take_number(std::string_view& text, Number& into) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), into);
  if (read.ec != std::errc() || read.ptr == text.data() + text.size() || *read.ptr != ' ') return false;
  text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()) + 1);
  return true;
}

/// The head of a journal that is here; nothing when it is none.
Result<std::optional<JournalHead>> read_head(std::string_view text, const std::filesystem::path& path) {
  constexpr std::uint64_t kSmallestChunk = 4u << 10, kLargestChunk = 1u << 30;
  std::string_view line = unsealed(text.substr(0, text.find('\n')));
  if (!line.starts_with(kForm)) return std::optional<JournalHead>();
  line.remove_prefix(kForm.size());
  unsigned version = 0;
  JournalHead head;
  if (!take_number(line, version)) return std::optional<JournalHead>();
  if (version != kJournalVersion) {
    return fail(ErrorCode::kUnsupportedFormat,
                fmt::format("another version of Hearth began this download ({} has version {}, this Hearth knows {}); "
                            "let that one end it, or give its parts back with `hearth gc` and begin anew",
                            path.string(), version, kJournalVersion));
  }
  if (!take_number(line, head.n_bytes) || !take_number(line, head.chunk_bytes) || head.chunk_bytes < kSmallestChunk ||
      head.chunk_bytes > kLargestChunk)
    return std::optional<JournalHead>();
  head.identity = line;
  return std::optional(std::move(head));
}

}  // namespace

Result<Journal> Journal::open(const std::filesystem::path& path, const JournalHead& head) {
  HEARTH_TRY(PartFile file, PartFile::open(path));
  Journal journal(std::move(file), head);
  HEARTH_TRY(const std::uint64_t size, journal.file_.size());
  std::string text(static_cast<std::size_t>(std::min<std::uint64_t>(size, kMostJournalBytes)), '\0');
  HEARTH_TRY(const std::size_t n, journal.file_.read_at(0, std::as_writable_bytes(std::span(text))));
  text.resize(n);
  HEARTH_TRY(const std::optional<JournalHead> found, read_head(text, path));
  if (!found || found->identity != head.identity || found->n_bytes != head.n_bytes) {
    HEARTH_CHECK(journal.begin());
    return journal;
  }
  journal.head_ = *found;
  journal.continued_ = true;
  std::size_t at = text.find('\n') + 1;
  for (std::size_t end = text.find('\n', at); end != std::string::npos; end = text.find('\n', at)) {
    const std::string_view line = unsealed(std::string_view(text).substr(at, end - at));
    std::uint64_t chunk = 0;
    const auto read = std::from_chars(line.data(), line.data() + line.size(), chunk);
    if (line.empty() || read.ec != std::errc() || line.size() != static_cast<std::size_t>(read.ptr - line.data()) + 65)
      break;
    journal.chunks_[chunk] = line.substr(line.size() - 64);
    at = end + 1;
  }
  journal.end_ = at;  // what comes after the last whole line is overwritten
  return journal;
}

Status Journal::begin() {
  chunks_.clear();
  continued_ = false;
  HEARTH_CHECK(file_.resize(0));
  const std::string line = head_line(head_);
  HEARTH_CHECK(file_.write_at(0, std::as_bytes(std::span(line))));
  end_ = line.size();
  return file_.sync();
}

Status Journal::clear() {
  return begin();
}

Status Journal::append(std::uint64_t chunk, const std::string& sha256) {
  const std::string line = sealed(fmt::format("{} {}", chunk, sha256));
  HEARTH_CHECK(file_.write_at(end_, std::as_bytes(std::span(line))));
  HEARTH_CHECK(file_.sync());
  end_ += line.size();
  chunks_[chunk] = sha256;
  return {};
}

}  // namespace hearth::library
