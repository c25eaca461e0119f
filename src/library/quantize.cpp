// Streaming quantization: batches of pieces of a tensor, each read, decoded and encoded by one worker.
#include "library/quantize.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <optional>

#include "file/gguf/writer.h"
#include "tensor/quant/codec.h"

#include <fmt/format.h>

namespace hearth::quantize {

namespace {

constexpr std::uint64_t kPieceElements = 1u << 17;  // a multiple of every block length
constexpr std::size_t kPiecesPerBatch = 64;

std::uint64_t bytes_of(DType type, std::uint64_t n_elements) {
  return row_bytes(type, n_elements);
}

/// One tensor on its way from file to file.
class Conversion {
 public:
  Conversion(const ModelFile& in, const Plan& plan, ThreadPool& pool)
      : in_(in), tensor_(*plan.tensor), target_(plan.target), pool_(pool) {}

  Status run(gguf::Writer& writer) {
    const std::uint64_t n = tensor_.n_elements();
    std::vector<std::byte> batch;
    for (std::uint64_t begin = 0; begin < n; begin += kPieceElements * kPiecesPerBatch) {
      const std::uint64_t count = std::min(n - begin, kPieceElements * kPiecesPerBatch);
      batch.resize(bytes_of(target_, count));
      pool_.parallel_for((count + kPieceElements - 1) / kPieceElements, [&](std::size_t piece, int) {
        const std::uint64_t at = piece * kPieceElements;
        const std::uint64_t piece_count = std::min(count - at, kPieceElements);
        const std::span out(batch.data() + bytes_of(target_, at), bytes_of(target_, piece_count));
        if (auto status = convert_piece(begin + at, piece_count, out); !status) remember(std::move(status.error()));
      });
      if (error_) {
        return std::unexpected(
            std::move(*error_).within(fmt::format("quantizing the tensor {}", quote_untrusted(tensor_.name))));
      }
      HEARTH_CHECK(writer.write(batch));
    }
    return {};
  }

 private:
  void remember(Error error) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
  }

  Status convert_piece(std::uint64_t begin, std::uint64_t count, std::span<std::byte> out) const {
    if (target_ == tensor_.dtype) return in_.read_tensor_range(tensor_, bytes_of(target_, begin), out);
    std::vector<std::byte> source(bytes_of(tensor_.dtype, count));
    HEARTH_CHECK(in_.read_tensor_range(tensor_, bytes_of(tensor_.dtype, begin), source));
    std::vector<float> values(count);
    find_codec(tensor_.dtype)->decode(source.data(), values.data(), count);
    const auto odd = std::ranges::find_if(values, [](float v) { return !std::isfinite(v); });
    if (odd != values.end()) {
      return fail(ErrorCode::kCorruptedModel,
                  fmt::format("element {} is {}; a model with such values is damaged, convert it again",
                              begin + static_cast<std::uint64_t>(odd - values.begin()), *odd));
    }
    find_codec(target_)->encode(values.data(), nullptr, out.data(), count);
    return {};
  }

  const ModelFile& in_;
  const TensorInfo& tensor_;
  DType target_;
  ThreadPool& pool_;
  std::mutex mutex_;
  std::optional<Error> error_;
};

Status check(const std::vector<Plan>& plans, const Options& options) {
  for (const Plan& plan : plans) {
    if (plan.target == plan.tensor->dtype) continue;
    const QuantCodec* codec = find_codec(plan.target);
    if (!codec || !codec->encode) {
      return fail(ErrorCode::kUnsupportedFormat,
                  fmt::format("the type {} can be read but not written", dtype_info(plan.target).name));
    }
    const DTypeInfo& from = dtype_info(plan.tensor->dtype);
    if (from.quantized() && options.requantize == Options::Requantize::kRefuse) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("the tensor {} is quantized already ({}); quantize from an F16, BF16 or F32 file, or allow "
                      "requantizing with its loss",
                      quote_untrusted(plan.tensor->name), from.name));
    }
  }
  return {};
}

gguf::HeaderBuilder header_of(const ModelFile& in, const std::vector<Plan>& plans, const MixInfo& mix) {
  constexpr std::string_view kFileType = "general.file_type";
  constexpr std::string_view kVersion = "general.quantization_version";
  constexpr std::uint32_t kQuantizationVersion = 2;  // of the block formats as they are since 2023
  gguf::HeaderBuilder builder;
  bool has_file_type = false, has_version = false;
  for (std::size_t i = 0; i < in.n_metadata(); ++i) {
    const MetadataEntry entry = in.metadata(i);
    if (entry.key.starts_with("split.")) continue;
    if (entry.key == kFileType) {
      builder.add_number(kFileType, mix.file_type);
      has_file_type = true;
    } else if (entry.key == kVersion) {
      builder.add_number(kVersion, kQuantizationVersion);
      has_version = true;
    } else {
      builder.add_value(entry.key, entry.value);
    }
  }
  if (!has_file_type) builder.add_number(kFileType, mix.file_type);
  if (!has_version) builder.add_number(kVersion, kQuantizationVersion);
  for (const Plan& plan : plans)
    builder.add_tensor(plan.tensor->name, plan.target, std::span(plan.tensor->dims).first(plan.tensor->n_dims));
  return builder;
}

}  // namespace

Result<Report> quantize_file(const ModelFile& in, const std::filesystem::path& out, const Options& options,
                             ThreadPool& pool) {
  std::error_code ignored;
  for (const auto& path : in.paths()) {
    if (std::filesystem::equivalent(path, out, ignored))
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} would overwrite its own source; name another file", out.string()));
  }
  Report report;
  HEARTH_TRY(report.plans, plan_types(in, *options.mix, options.purity));
  HEARTH_CHECK(check(report.plans, options));
  HEARTH_TRY(gguf::Writer writer, gguf::Writer::create(out, header_of(in, report.plans, *options.mix)));
  for (std::size_t i = 0; i < report.plans.size(); ++i) {
    const Plan& plan = report.plans[i];
    if (options.progress) options.progress(plan, i, report.plans.size());
    HEARTH_CHECK(Conversion(in, plan, pool).run(writer));
    report.tensor_bytes_before += plan.tensor->size_bytes;
    report.tensor_bytes_after += bytes_of(plan.target, plan.tensor->n_elements());
    report.n_elements += plan.tensor->n_elements();
  }
  HEARTH_CHECK(writer.finish());
  return report;
}

}  // namespace hearth::quantize
