// Replies as values: asks for a described struct (hearth/described.h), holds the model to its schema and reads the
// reply.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "hearth/described.h"
#include "hearth/generator.h"

namespace hearth {

template <typename T>
struct Typed {
  T value;
  Reply reply;
};

/// A member of the outermost object is complete: its name, and its value as JSON. False stops the answer.
using FieldSink = std::function<bool(std::string_view name, std::string_view json)>;

namespace detail {

/// Finds complete members in the text of an object that arrives in pieces.
class FieldScanner {
 public:
  explicit FieldScanner(const FieldSink& sink) : sink_(&sink) {}
  bool feed(std::string_view piece);

 private:
  bool end_member();
  const FieldSink* sink_;
  std::string member_;  // "name": value, as far as it is there
  int depth_ = 0;
  bool in_string_ = false, escaped_ = false;
};

Result<Reply> generate_fields(Generator& generator, const Request& request, const FieldSink& sink,
                              const CancelCheck& cancelled);

}  // namespace detail

/// The request's format is replaced by the schema of T. An error where nothing was said, or where the reply ended
/// before it was complete.
template <typename T>
Result<Typed<T>> generate_as(Generator& generator, Request request, const FieldSink& sink = {},
                             const CancelCheck& cancelled = {}) {
  request.format = {.kind = OutputFormat::Kind::kJsonSchema, .source = json_schema<T>(), .choices = {}};
  HEARTH_TRY(Reply reply, detail::generate_fields(generator, request, sink, cancelled));
  auto value = from_json<T>(reply.text());
  if (!value) {
    const std::string_view end = finish_reason_name(reply.answers.front().reason);
    return std::unexpected(
        std::move(value.error()).within("reading a typed reply, which ended by " + std::string(end)));
  }
  return Typed<T>{std::move(*value), std::move(reply)};
}

}  // namespace hearth
