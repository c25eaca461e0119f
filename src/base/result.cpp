// The stable names of error codes.
#include "base/result.h"

namespace hearth {

std::string_view error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument: return "invalid_argument";
    case ErrorCode::kFileNotFound: return "file_not_found";
    case ErrorCode::kIo: return "io_error";
    case ErrorCode::kCorruptedModel: return "corrupted_model";
    case ErrorCode::kUnsupportedFormat: return "unsupported_format";
    case ErrorCode::kUnsupportedModel: return "unsupported_model";
    case ErrorCode::kInsufficientMemory: return "insufficient_memory";
    case ErrorCode::kContextFull: return "context_full";
    case ErrorCode::kCancelled: return "cancelled";
    case ErrorCode::kStateMismatch: return "state_mismatch";
    case ErrorCode::kInternal: return "internal";
    case ErrorCode::kBusy: return "busy";
    case ErrorCode::kUnsupportedConstraint: return "unsupported_constraint";
  }
  return "unknown";
}

}  // namespace hearth
