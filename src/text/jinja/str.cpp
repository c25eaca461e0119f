// Cutting and joining strings while the origin of every byte is kept.
#include "text/jinja/str.h"

#include <fmt/format.h>

#include <algorithm>

namespace hearth::text::jinja {

namespace {

bool continues(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

}  // namespace

std::uint32_t Str::n_chars() const {
  if (counted_chars == kUncounted) {
    counted_chars = static_cast<std::uint32_t>(std::ranges::count_if(bytes, [](char c) { return !continues(c); }));
  }
  return counted_chars;
}

std::uint32_t Str::byte_of(std::uint32_t idx) const {
  if (is_ascii()) return idx;
  std::uint32_t byte = 0;
  const auto n_bytes = static_cast<std::uint32_t>(bytes.size());
  while (byte < n_bytes && idx > 0) {
    ++byte;
    while (byte < n_bytes && continues(bytes[byte])) ++byte;
    --idx;
  }
  return byte;
}

Origin Str::origin_at(std::uint32_t byte) const {
  if (runs.empty()) return origin;
  const auto run = std::ranges::upper_bound(runs, byte, {}, &Run::end);
  return run == runs.end() ? runs.back().origin : run->origin;
}

const Str* view_str(Arena& arena, std::string_view bytes, Origin origin) {
  return arena.make(Str{bytes, {}, origin});
}

const Str* copy_str(Arena& arena, std::string_view bytes, Origin origin) {
  return view_str(arena, arena.keep_bytes(bytes), origin);
}

const Str* slice_str(Arena& arena, const Str& str, std::size_t begin, std::size_t end) {
  if (begin == 0 && end == str.bytes.size()) return &str;
  Str out{str.bytes.substr(begin, end - begin), {}, str.origin, str.markup};
  if (!str.runs.empty() && begin < end) {
    const auto first = std::ranges::upper_bound(str.runs, begin, {}, &Run::end);
    const auto last = std::ranges::lower_bound(str.runs, end, {}, &Run::end);
    out.origin = first->origin;
    if (first != last) {
      const auto n = static_cast<std::size_t>(last - first) + 1;
      const std::span<Run> runs = arena.make_array<Run>(n);
      for (std::size_t i = 0; i < n; ++i) {
        const Run& run = *(first + static_cast<std::ptrdiff_t>(i));
        runs[i] = {static_cast<std::uint32_t>(std::min<std::size_t>(run.end, end) - begin), run.origin};
      }
      out.runs = runs;
    }
  }
  return arena.make(out);
}

void StrBuilder::append(std::string_view bytes, Origin origin) {
  if (bytes.empty()) return;
  if (bytes.size() > limit_bytes_ - bytes_.size()) {
    throw_fuel(fmt::format("its text grows beyond {} bytes", limit_bytes_));
  }
  arena_->spend_bytes(bytes.size());
  bytes_ += bytes;
  const auto end = static_cast<std::uint32_t>(bytes_.size());
  // Marked places stay apart: one run is one image, one sound.
  if (!runs_.empty() && runs_.back().origin == origin && origin != Origin::kMedia) {
    runs_.back().end = end;
  } else {
    runs_.push_back({end, origin});
  }
}

void StrBuilder::append(const Str& str, std::size_t begin, std::size_t end) {
  if (str.runs.empty()) {
    append(str.bytes.substr(begin, end - begin), str.origin);
    return;
  }
  auto run = std::ranges::upper_bound(str.runs, begin, {}, &Run::end);
  for (std::size_t at = begin; at < end; ++run) {
    const std::size_t stop = std::min<std::size_t>(run->end, end);
    append(str.bytes.substr(at, stop - at), run->origin);
    at = stop;
  }
}

void StrBuilder::taint_if_data() {
  if (std::ranges::all_of(runs_, [](const Run& run) { return run.origin == Origin::kTemplate; })) return;
  std::vector<Run> tainted;
  for (Run run : runs_) {
    if (run.origin == Origin::kTemplate) run.origin = Origin::kData;
    if (!tainted.empty() && tainted.back().origin == run.origin && run.origin == Origin::kData) {
      tainted.back().end = run.end;
    } else {
      tainted.push_back(run);
    }
  }
  runs_ = std::move(tainted);
}

const Str* StrBuilder::finish() const {
  Str out{arena_->keep_bytes(bytes_), {}, Origin::kTemplate, markup_};
  if (!runs_.empty()) out.origin = runs_.front().origin;
  if (runs_.size() > 1) out.runs = arena_->keep(runs_);
  return arena_->make(out);
}

}  // namespace hearth::text::jinja
