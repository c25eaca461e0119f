// Errors and texts as C has them.
#include "capi/boundary.h"

#include <cstddef>
#include <cstdlib>

#include "text/utf8.h"

namespace hearth::capi {

namespace {

void fill(hearth_error* into, std::int32_t code, std::string_view message) {
  constexpr std::size_t kBegin = offsetof(hearth_error, message);
  if (into == nullptr || into->size < kBegin) return;
  into->code = code;
  const std::size_t room = std::min(into->size, sizeof(hearth_error)) - kBegin;
  if (room == 0) return;
  message = message.substr(0, room - 1);
  message.remove_suffix(text::incomplete_utf8_tail(message));
  message.copy(into->message, message.size());
  into->message[message.size()] = '\0';
}

}  // namespace

void report_success(hearth_error* into) {
  fill(into, 0, "");
}

void report(hearth_error* into, const Error& error) {
  fill(into, static_cast<std::int32_t>(error.code), error.message);
}

Result<std::string> required_text(const char* text, const char* name) {
  if (text == nullptr) return fail(ErrorCode::kInvalidArgument, std::string(name) + " is NULL");
  return std::string(text);
}

Result<char*> copied(const std::string& text) {
  char* const copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (copy == nullptr) throw std::bad_alloc();
  std::memcpy(copy, text.c_str(), text.size() + 1);
  return copy;
}

}  // namespace hearth::capi
