// Lines of text, each ending with a checksum of itself: a torn or foreign line is not a line.
#include "library/fetch/journal.h"

#include <charconv>
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

std::string head_line(const JournalHead& head) {
  return sealed(fmt::format("hearth-download 1 {} {} {}", head.n_bytes, head.chunk_bytes, head.identity));
}

}  // namespace

Result<Journal> Journal::open(const std::filesystem::path& path, const JournalHead& head) {
  HEARTH_TRY(PartFile file, PartFile::open(path));
  Journal journal(std::move(file), head);
  HEARTH_TRY(const std::uint64_t size, journal.file_.size());
  std::string text(static_cast<std::size_t>(std::min<std::uint64_t>(size, kMostJournalBytes)), '\0');
  HEARTH_TRY(const std::size_t n, journal.file_.read_at(0, std::as_writable_bytes(std::span(text))));
  text.resize(n);
  const std::string first = head_line(head);
  if (!text.starts_with(first)) {
    HEARTH_CHECK(journal.begin());
    return journal;
  }
  journal.continued_ = true;
  std::size_t at = first.size();
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
