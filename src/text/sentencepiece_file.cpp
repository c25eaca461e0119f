// SentencePiece's ModelProto (sentencepiece_model.proto): pieces, and of the two specs what changes ids.
#include <fmt/format.h>

#include "text/protobuf_reader.h"
#include "text/special_names.h"
#include "text/token_index.h"
#include "text/vocab_files.h"

namespace hearth::text {
namespace {

// TrainerSpec.ModelType
constexpr std::uint64_t kUnigramType = 1;
constexpr std::uint64_t kBpeType = 2;

std::unexpected<Error> bad(std::string message) {
  return fail(ErrorCode::kCorruptedModel, "reading a SentencePiece model: " + message);
}

struct Specs {
  std::uint64_t model_type = kUnigramType;
  bool byte_fallback = false;
  std::string_view bos = "<s>", eos = "</s>", pad = "<pad>";
  NormalizerStep normalizer;
};

class ModelReader {
 public:
  Result<VocabData> read(std::string_view bytes) {
    HEARTH_CHECK(read_message(bytes, "the model", [&](const ProtobufField& field) -> Status {
      if (field.wire != ProtobufField::Wire::kBytes) return {};
      switch (field.number) {
        case 1: return read_piece(field.bytes);
        case 2: return read_trainer_spec(field.bytes);
        case 3: return read_normalizer_spec(field.bytes);
        case 5: return read_denormalizer_spec(field.bytes);
        default: return {};
      }
    }));
    if (data_.tokens.empty()) return bad("it has no pieces");
    return finish();
  }

 private:
  template <typename Visit>
  static Status read_message(std::string_view bytes, std::string_view what, Visit visit) {
    ProtobufReader reader(bytes);
    while (const auto field = reader.next()) HEARTH_CHECK(visit(*field));
    if (reader.broken()) return bad(fmt::format("{} breaks off at byte {}", what, reader.position()));
    return {};
  }

  Status read_piece(std::string_view bytes) {
    std::string_view piece;
    float score = 0;
    std::uint64_t type = static_cast<std::uint64_t>(TokenType::kNormal);
    HEARTH_CHECK(
        read_message(bytes, fmt::format("piece {}", data_.tokens.size()), [&](const ProtobufField& field) -> Status {
          if (field.number == 1 && field.wire == ProtobufField::Wire::kBytes) piece = field.bytes;
          if (field.number == 2 && field.wire == ProtobufField::Wire::kFixed32) score = field.as_float();
          if (field.number == 3 && field.wire == ProtobufField::Wire::kVarint) type = field.integer;
          return {};
        }));
    if (piece.empty()) return bad(fmt::format("piece {} is empty", data_.tokens.size()));
    if (type == 0 || type > static_cast<std::uint64_t>(TokenType::kByte)) {
      return bad(fmt::format("piece {} has the type {}, known are 1 to 6", data_.tokens.size(), type));
    }
    data_.tokens.push_back(piece);
    data_.scores.push_back(score);
    data_.types.push_back(static_cast<TokenType>(type));
    return {};
  }

  Status read_trainer_spec(std::string_view bytes) {
    return read_message(bytes, "the trainer spec", [&](const ProtobufField& field) -> Status {
      switch (field.number) {
        case 3: specs_.model_type = field.integer; break;
        case 24: specs_.normalizer.space_as_suffix = field.integer != 0; break;
        case 35: specs_.byte_fallback = field.integer != 0; break;
        case 46: specs_.bos = field.bytes; break;
        case 47: specs_.eos = field.bytes; break;
        case 48: specs_.pad = field.bytes; break;
        default: break;
      }
      return {};
    });
  }

  Status read_normalizer_spec(std::string_view bytes) {
    return read_message(bytes, "the normalizer spec", [&](const ProtobufField& field) -> Status {
      switch (field.number) {
        case 2: specs_.normalizer.content = field.bytes; break;
        case 3: specs_.normalizer.add_dummy_prefix = field.integer != 0; break;
        case 4: specs_.normalizer.remove_extra_spaces = field.integer != 0; break;
        case 5: specs_.normalizer.escape_spaces = field.integer != 0; break;
        default: break;
      }
      return {};
    });
  }

  static Status read_denormalizer_spec(std::string_view bytes) {
    return read_message(bytes, "the denormalizer spec", [&](const ProtobufField& field) -> Status {
      if (field.number == 2 && !field.bytes.empty()) {
        return fail(ErrorCode::kUnsupportedModel,
                    "reading a SentencePiece model: it has a denormalizer map, which is not supported");
      }
      return {};
    });
  }

  Result<VocabData> finish() {
    if (specs_.model_type == kBpeType) {
      data_.kind = VocabKind::kSpm;
    } else if (specs_.model_type == kUnigramType) {
      data_.kind = VocabKind::kUnigram;
      data_.sentencepiece_scores = true;
    } else {
      return fail(ErrorCode::kUnsupportedModel,
                  fmt::format("reading a SentencePiece model: its type is {}, supported are 1 (unigram) and 2 (BPE)",
                              specs_.model_type));
    }
    data_.byte_fallback = specs_.byte_fallback;
    data_.add_space_prefix = specs_.normalizer.add_dummy_prefix && !specs_.normalizer.space_as_suffix;
    specs_.normalizer.kind = NormalizerStep::Kind::kSentencePiece;
    data_.normalizers.push_back(specs_.normalizer);
    const TokenIndex index(&data_.tokens);
    const auto control = [&](std::string_view name) {
      const TokenId id = index.find(name);
      return id != kNoToken && data_.types[static_cast<std::size_t>(id)] == TokenType::kControl ? id : kNoToken;
    };
    data_.special.bos = control(specs_.bos);
    data_.special.eos = control(specs_.eos);
    data_.special.pad = control(specs_.pad);
    for (std::size_t idx = 0; idx < data_.types.size(); ++idx) {
      const auto id = static_cast<TokenId>(idx);
      if (data_.types[idx] == TokenType::kUnknown) data_.special.unk = id;
      // BPE takes user-defined pieces out of the normalized text before it merges; unigram weighs them with the rest.
      if (data_.types[idx] == TokenType::kUserDefined) {
        data_.added_tokens.push_back({.id = id, .normalized = true, .as_spelled = true});
      }
    }
    if (data_.kind == VocabKind::kUnigram) data_.added_tokens.clear();
    settle_special_names(data_);
    for (std::size_t idx = 0; idx < data_.types.size(); ++idx) {
      if (data_.types[idx] == TokenType::kControl || data_.types[idx] == TokenType::kUnknown) {
        data_.added_tokens.push_back({.id = static_cast<TokenId>(idx), .special = true});
      }
    }
    return std::move(data_);
  }

  VocabData data_;
  Specs specs_;
};

}  // namespace

Result<VocabData> parse_sentencepiece_model(std::string_view bytes) {
  return ModelReader().read(bytes);
}

}  // namespace hearth::text
