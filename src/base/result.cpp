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
    case ErrorCode::kNotInitialised: return "not_initialised";
    case ErrorCode::kNoServiceSelected: return "no_service_selected";
    case ErrorCode::kLoadFailed: return "load_failed";
    case ErrorCode::kContextCreationFailed: return "context_creation_failed";
    case ErrorCode::kDecodeFailed: return "decode_failed";
    case ErrorCode::kInvalidResponse: return "invalid_response";
    case ErrorCode::kInvalidFile: return "invalid_file";
    case ErrorCode::kDiskFull: return "disk_full";
    case ErrorCode::kThermalThrottling: return "thermal_throttling";
    case ErrorCode::kMemoryPressure: return "memory_pressure";
    case ErrorCode::kBackgroundThrottling: return "background_throttling";
    case ErrorCode::kSlowStorage: return "slow_storage";
    case ErrorCode::kNetworkFailed: return "network_failed";
    case ErrorCode::kNotAuthorized: return "not_authorized";
    case ErrorCode::kVerificationFailed: return "verification_failed";
    case ErrorCode::kOffline: return "offline";
  }
  return "unknown";
}

}  // namespace hearth
