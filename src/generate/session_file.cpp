// The format of a session:
//
//   0  head (96 bytes): see SessionHead
//   96 engine, principal, tokens [n_tokens] i32, marks: (token_begin u64, message_idx + 1 or 0 u64, content u64,
//      n bytes u64, what)*; then the hash of everything before, u64
//   .. state as the engine exported it; then the hash of its pieces of 1 MiB, u64
#include "generate/session_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "base/cache_file.h"
#include "base/checked.h"
#include "base/file.h"
#include "base/hash.h"
#include "hearth/version.h"

#include <fmt/format.h>

namespace hearth::generate {

namespace {

constexpr std::uint32_t kSessionVersion = 1;
constexpr std::uint64_t kLargestText = 256u << 20;  // head, tokens and marks; also recurrent state
constexpr std::size_t kPiece = 1u << 20;

struct SessionHead {
  char magic[8] = {'H', 'E', 'A', 'R', 'T', 'H', 'S', 'E'};
  std::uint32_t version = kSessionVersion;
  std::uint32_t recipe_id = 0;
  std::uint64_t fingerprint = 0;
  std::uint64_t template_hash = 0;
  std::uint32_t kv = 0;
  std::uint32_t reserved = 0;
  std::uint64_t n_ctx = 0;
  std::uint64_t engine_bytes = 0, principal_bytes = 0, n_tokens = 0, mark_bytes = 0, state_bytes = 0;
  std::uint64_t unused = 0;
};
static_assert(sizeof(SessionHead) == 96);

std::unexpected<Error> refuse(std::string why) {
  return fail(ErrorCode::kStateMismatch, std::move(why));
}

class PieceHash {
 public:
  void add(std::span<const std::byte> bytes) { hash_.add(hash_block(bytes)); }
  [[nodiscard]] std::uint64_t value() const { return hash_.value(); }

 private:
  Hash64 hash_;
};

/// Cuts what comes in chunks of any size into pieces, hashes and writes them.
class StateWriter {
 public:
  StateWriter(const FileBuild& build, std::uint64_t begin) : build_(build), begin_(begin), at_(begin) {}

  Status write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const std::size_t n = std::min(kPiece - piece_.size(), bytes.size());
      piece_.insert(piece_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
      bytes = bytes.subspan(n);
      if (piece_.size() == kPiece) HEARTH_CHECK(flush());
    }
    return {};
  }
  /// The last piece and the hash; the size of the state.
  Result<std::uint64_t> finish() {
    if (!piece_.empty()) HEARTH_CHECK(flush());
    const std::uint64_t hash = hash_.value();
    HEARTH_CHECK(build_.write_at(at_, std::as_bytes(std::span(&hash, 1))));
    return at_ - begin_;
  }

 private:
  Status flush() {
    hash_.add(piece_);
    HEARTH_CHECK(build_.write_at(at_, piece_));
    at_ += piece_.size();
    piece_.clear();
    return {};
  }
  const FileBuild& build_;
  std::uint64_t begin_, at_;
  std::vector<std::byte> piece_;
  PieceHash hash_;
};

void put(std::string& to, std::uint64_t value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string pack_marks(const std::vector<PromptMark>& marks) {
  std::string packed;
  for (const PromptMark& mark : marks) {
    put(packed, mark.token_begin);
    put(packed, mark.message_idx ? *mark.message_idx + 1 : 0);
    put(packed, mark.content);
    put(packed, mark.what.size());
    packed += mark.what;
  }
  return packed;
}

Result<std::vector<PromptMark>> parse_marks(std::string_view packed) {
  std::vector<PromptMark> marks;
  while (!packed.empty()) {
    std::array<std::uint64_t, 4> fields{};
    if (packed.size() < sizeof fields) return refuse("its list of messages is cut short");
    std::memcpy(fields.data(), packed.data(), sizeof fields);
    packed.remove_prefix(sizeof fields);
    if (fields[3] > packed.size()) return refuse("its list of messages is cut short");
    marks.push_back({.token_begin = fields[0],
                     .message_idx = fields[1] ? std::optional<std::size_t>(fields[1] - 1) : std::nullopt,
                     .what = std::string(packed.substr(0, fields[3])),
                     .content = fields[2]});
    packed.remove_prefix(fields[3]);
  }
  if (!std::ranges::is_sorted(marks, {}, &PromptMark::token_begin)) return refuse("its messages are out of order");
  return marks;
}

Status check_binding(const SessionHead& head, std::string_view engine, const SessionBinding& binding) {
  if (head.fingerprint != binding.fingerprint) return refuse("it belongs to another model");
  if (engine != binding.engine || head.recipe_id != binding.recipe_id) {
    return refuse(fmt::format("it was made by the engine \"{}\" with numeric recipe {}, this is \"{}\" with {}", engine,
                              head.recipe_id, binding.engine, binding.recipe_id));
  }
  if (head.kv != static_cast<std::uint32_t>(binding.kv)) return refuse("it was saved with another key/value type");
  if (head.n_ctx != binding.n_ctx)
    return refuse(fmt::format("it was saved with a context of {}, this one has {}", head.n_ctx, binding.n_ctx));
  if (head.template_hash != binding.template_hash) return refuse("it was made with another chat template");
  if (head.state_bytes > binding.largest_state) return refuse("its state is larger than one of this model can be");
  if (head.n_tokens > head.n_ctx) return refuse("it holds more tokens than its context has positions");
  return {};
}

struct Opened {
  RandomAccessFile file;
  CachedText text;
  std::uint64_t state_begin = 0, state_bytes = 0;
};

Result<Opened> parse_head(const std::filesystem::path& path, const SessionBinding& binding) {
  HEARTH_TRY(RandomAccessFile file, RandomAccessFile::open(path));
  SessionHead head;
  const SessionHead expected;
  if (file.size() < sizeof head) return refuse("it is too short");
  HEARTH_CHECK(file.read_at(0, std::as_writable_bytes(std::span(&head, 1))));
  if (std::memcmp(head.magic, expected.magic, sizeof head.magic) != 0) return refuse("it is no session");
  if (head.version != kSessionVersion)
    return refuse(fmt::format("its format has version {}, this build reads {}", head.version, kSessionVersion));
  const CheckedSize text_bytes = CheckedSize(sizeof head) + head.engine_bytes + head.principal_bytes +
                                 CheckedSize(head.n_tokens) * sizeof(Token) + head.mark_bytes;
  const CheckedSize all = text_bytes + 8 + head.state_bytes + 8;
  if (all.value() != file.size()) return refuse("its size is wrong; it may be incomplete");
  if (!text_bytes.at_most(kLargestText)) return refuse("its text is too long");
  std::string bytes(*text_bytes.value() + 8, '\0');
  HEARTH_CHECK(file.read_at(0, std::as_writable_bytes(std::span(bytes))));
  std::uint64_t hash = 0;
  std::memcpy(&hash, bytes.data() + bytes.size() - 8, 8);
  if (hash_block(std::as_bytes(std::span(bytes)).first(bytes.size() - 8)) != hash)
    return refuse("the checksum of its text does not match; it is damaged");
  std::memcpy(&head, bytes.data(), sizeof head);  // what was verified
  std::string_view rest(bytes);
  const auto take = [&](std::size_t n) {
    const std::string_view part = rest.substr(0, n);
    rest.remove_prefix(part.size());
    return part;
  };
  take(sizeof head);
  HEARTH_CHECK(check_binding(head, take(head.engine_bytes), binding));
  Opened opened{.file = std::move(file), .text = {}, .state_begin = bytes.size(), .state_bytes = head.state_bytes};
  opened.text.principal = take(head.principal_bytes);
  opened.text.tokens.resize(head.n_tokens);
  const std::string_view tokens = take(head.n_tokens * sizeof(Token));
  if (!tokens.empty()) std::memcpy(opened.text.tokens.data(), tokens.data(), tokens.size());
  HEARTH_TRY(opened.text.marks, parse_marks(take(head.mark_bytes)));
  return opened;
}

}  // namespace

SessionBinding session_binding(const ModelInfo& info, const SequenceOptions& sequence, std::uint64_t template_hash) {
  const std::uint64_t n_ctx = sequence.n_ctx ? sequence.n_ctx : info.n_ctx_train;
  return {.engine = info.recipe_id ? info.engine : fmt::format("{} {}", info.engine, kVersion),
          .fingerprint = info.fingerprint,
          .template_hash = template_hash,
          .recipe_id = info.recipe_id,
          .kv = sequence.kv,
          .n_ctx = n_ctx,
          .largest_state = (n_ctx + 256) * info.kv_bytes_per_token * 2 + kLargestText};
}

Result<std::uint64_t> write_session(const std::filesystem::path& path, const SessionBinding& binding,
                                    const CachedText& text, const LanguageModel& model, SequenceId sequence,
                                    const std::function<Status(std::uint64_t)>& check_size) {
  HEARTH_TRY(const std::size_t length, model.length(sequence));
  if (length != text.tokens.size())
    return fail(ErrorCode::kInternal, fmt::format("the sequence has {} positions, not {}", length, text.tokens.size()));
  HEARTH_TRY(auto build, FileBuild::begin(path));
  if (!build) return fail(ErrorCode::kBusy, fmt::format("another process writes {} now", path.string()));
  const std::string marks = pack_marks(text.marks);
  SessionHead head{.recipe_id = binding.recipe_id,
                   .fingerprint = binding.fingerprint,
                   .template_hash = binding.template_hash,
                   .kv = static_cast<std::uint32_t>(binding.kv),
                   .n_ctx = binding.n_ctx,
                   .engine_bytes = binding.engine.size(),
                   .principal_bytes = text.principal.size(),
                   .n_tokens = text.tokens.size(),
                   .mark_bytes = marks.size()};
  const std::size_t text_bytes =
      sizeof head + binding.engine.size() + text.principal.size() + text.tokens.size() * sizeof(Token) + marks.size();
  StateWriter state(*build, text_bytes + 8);
  HEARTH_CHECK(model.export_state(sequence, [&](std::span<const std::byte> bytes) { return state.write(bytes); }));
  HEARTH_TRY(head.state_bytes, state.finish());
  std::string bytes(reinterpret_cast<const char*>(&head), sizeof head);
  bytes += binding.engine + text.principal;
  bytes.append(reinterpret_cast<const char*>(text.tokens.data()), text.tokens.size() * sizeof(Token));
  bytes += marks;
  put(bytes, hash_block(std::as_bytes(std::span(bytes))));
  HEARTH_CHECK(build->write_at(0, std::as_bytes(std::span(bytes))));
  const std::uint64_t all = bytes.size() + head.state_bytes + 8;
  if (check_size) HEARTH_CHECK(check_size(all));
  HEARTH_CHECK(build->publish());
  return all;
}

Result<CachedText> parse_session_text(const std::filesystem::path& path, const SessionBinding& binding) {
  HEARTH_TRY(Opened opened, parse_head(path, binding));
  return std::move(opened.text);
}

Result<Session> parse_session(const std::filesystem::path& path, const SessionBinding& binding) {
  HEARTH_TRY(Opened opened, parse_head(path, binding));
  HEARTH_TRY(AlignedBuffer state, AlignedBuffer::make(opened.state_bytes + 8));
  HEARTH_CHECK(opened.file.read_at(opened.state_begin, {state.data(), state.size()}));
  PieceHash pieces;
  std::span<const std::byte> rest(state.data(), opened.state_bytes);
  while (!rest.empty()) {
    const std::size_t n = std::min(kPiece, rest.size());
    pieces.add(rest.first(n));
    rest = rest.subspan(n);
  }
  std::uint64_t hash = 0;
  std::memcpy(&hash, state.data() + opened.state_bytes, 8);
  if (hash != pieces.value()) return refuse("the checksum of its state does not match; it is damaged");
  return Session{.text = std::move(opened.text), .state = std::move(state), .state_bytes = opened.state_bytes};
}

}  // namespace hearth::generate
