// WeightLoader: parallel positioned reads, each chunk of rows packed as soon as it is read.
#include "weights/loader.h"

#include <algorithm>
#include <mutex>

#include "base/cache_file.h"
#include "base/checked.h"
#include "base/hash.h"
#include "tensor/quant/codec.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hearth {

namespace {

constexpr std::uint64_t kReadBytes = 1u << 20;  // staging per worker and step

std::string shape_text(const TensorInfo& tensor) {
  return fmt::format("{} [{}]", dtype_info(tensor.dtype).name,
                     fmt::join(tensor.dims.begin(), tensor.dims.begin() + tensor.n_dims, ", "));
}

}  // namespace

Status WeightLoader::status() const {
  if (error_) return std::unexpected(*error_);
  return {};
}

void WeightLoader::fail_with(Error error) {
  if (!error_) error_ = std::move(error);
}

std::string WeightLoader::finish() {
  if (!error_) store_.finish();
  return store_.report();
}

const TensorInfo* WeightLoader::require(const std::string& full_name) {
  if (error_) return nullptr;
  const TensorInfo* tensor = file_.find_tensor(full_name);
  if (!tensor) {
    fail_with(
        {ErrorCode::kCorruptedModel,
         fmt::format("the file has no tensor \"{}\", which this architecture needs; it may be an incomplete conversion",
                     full_name)});
  }
  return tensor;
}

bool WeightLoader::check_shape(const TensorInfo& tensor, std::initializer_list<std::size_t> dims) {
  std::array<std::uint64_t, 4> expected = {1, 1, 1, 1};
  std::ranges::copy(dims, expected.begin());
  if (tensor.dims == expected) return true;
  fail_with(
      {ErrorCode::kCorruptedModel, fmt::format("tensor \"{}\": expected the shape [{}] from the metadata, found {}",
                                               tensor.name, fmt::join(dims, ", "), shape_text(tensor))});
  return false;
}

/// The panels of one matrix, or of several of the same shape, cut into steps that one thread takes at a time.
struct WeightLoader::Steps {
  Steps(const TensorInfo& from, const Rows& wanted, const kernels::PackedMatrix& of)
      : tensor(from),
        rows(wanted),
        matrix(of),
        panel_size(kernels::panel_bytes(of.type, of.k)),
        n_panels(wanted.n_matrices * of.n_panels()),
        panels_each(std::max<std::size_t>(1, kReadBytes / panel_size)) {}

  const TensorInfo& tensor;
  Rows rows;
  kernels::PackedMatrix matrix;
  std::size_t panel_size, n_panels, panels_each;

  [[nodiscard]] std::size_t n_steps() const { return (n_panels + panels_each - 1) / panels_each; }
  /// Names the matrix within the model.
  [[nodiscard]] std::uint64_t name() const {
    Hash64 hash;
    hash.add(tensor.name);
    for (const std::uint64_t value :
         {static_cast<std::uint64_t>(matrix.type), std::uint64_t{matrix.n}, std::uint64_t{matrix.k},
          std::uint64_t{rows.n_matrices}, std::uint64_t{rows.begin}})
      hash.add(value);
    return hash.value();
  }
};

Status WeightLoader::pack_panels(const Steps& steps, std::size_t begin, std::size_t end, std::span<std::byte> staging,
                                 std::byte* to) const {
  const kernels::PackedMatrix& matrix = steps.matrix;
  const std::size_t row = row_bytes(matrix.type, matrix.k), panels_of_one = matrix.n_panels();
  while (begin < end) {  // one run of panels of one matrix
    const std::size_t which = begin / panels_of_one, first = begin % panels_of_one;
    const std::size_t last = std::min(first + end - begin, panels_of_one);
    const std::size_t row_begin = first * kernels::kPanelRows;
    const std::size_t n_rows = std::min(matrix.n, last * kernels::kPanelRows) - row_begin;
    const std::span bytes = staging.first(n_rows * row);
    HEARTH_CHECK(
        file_.read_tensor_range(steps.tensor, (which * steps.rows.n_each + steps.rows.begin + row_begin) * row, bytes));
    for (std::size_t r = 0; r < n_rows; r += kernels::kPanelRows, to += steps.panel_size) {
      kernels::pack_panel(matrix.type, matrix.k, bytes.data() + r * row, row, std::min(n_rows - r, kernels::kPanelRows),
                          to);
    }
    begin += last - first;
  }
  return {};
}

Status WeightLoader::read_panels(const Steps& steps, PanelSink& sink) {
  const std::size_t step_bytes = steps.panels_each * steps.panel_size;
  raw_rows_.reserve(step_bytes);
  std::mutex mutex;
  std::optional<Error> failure;
  pool_.parallel_for(steps.n_steps(), [&](std::size_t step, int worker) {
    const std::size_t begin = step * steps.panels_each, end = std::min(begin + steps.panels_each, steps.n_panels);
    const std::uint64_t offset = begin * steps.panel_size;
    Status done = pack_panels(steps, begin, end, {raw_rows_.of(worker), step_bytes}, sink.place(worker, offset));
    if (done) done = sink.done(worker, offset, (end - begin) * steps.panel_size);
    if (done) return;
    const std::lock_guard lock(mutex);
    failure = std::move(done.error());
  });
  if (failure) return std::unexpected(std::move(*failure));
  return {};
}

Result<std::shared_ptr<const std::byte>> WeightLoader::panels_of(const Steps& steps, std::uint64_t n_bytes) {
  const std::uint64_t name = steps.name();
  if (auto panels = store_.find(name, n_bytes)) return panels;
  for (;;) {
    HEARTH_TRY(const auto sink, store_.make(name, n_bytes, steps.panels_each * steps.panel_size));
    Status read = read_panels(steps, *sink);
    auto panels = read ? sink->finish() : std::unexpected(std::move(read.error()));
    if (panels || !store_.give_up(panels.error())) return panels;
  }
}

bool WeightLoader::pack(const TensorInfo& tensor, const Rows& rows, Matrix& matrix) {
  if (!kernels::is_matrix_type(tensor.dtype)) {
    fail_with({ErrorCode::kUnsupportedFormat, fmt::format("tensor \"{}\" has type {}, which cannot be multiplied",
                                                          tensor.name, dtype_info(tensor.dtype).name)});
    return false;
  }
  matrix.type = tensor.dtype;
  const std::size_t panel_size = kernels::panel_bytes(matrix.type, matrix.k);
  const std::size_t panels_each = matrix.view().n_panels();
  const CheckedSize total = CheckedSize(panel_size) * panels_each * rows.n_matrices;
  if (!total.value()) {
    fail_with({ErrorCode::kCorruptedModel, fmt::format("tensor \"{}\" is too large", tensor.name)});
    return false;
  }
  resident_bytes_ += *total.value();
  if (options_.depth == LoadOptions::Depth::kPlan) {
    loaded_bytes_ += tensor.size_bytes;
    return true;
  }
  auto panels = panels_of(Steps(tensor, rows, matrix.view()), *total.value());
  if (!panels) {
    fail_with(std::move(panels.error()).within(fmt::format("loading tensor \"{}\"", tensor.name)));
    return false;
  }
  if (options_.lock == LoadOptions::Lock::kYes && !lock_in_memory({panels->get(), *total.value()})) {
    fail_with({ErrorCode::kInsufficientMemory,
               "locking the weights in memory was refused; raise the limit (ulimit -l) or load without locking"});
    return false;
  }
  matrix.panels = std::move(*panels);
  loaded_bytes_ += rows.n_matrices * matrix.n * row_bytes(matrix.type, matrix.k);
  if (options_.progress && !options_.progress(loaded_bytes_, file_.size_bytes())) {
    fail_with({ErrorCode::kCancelled, "loading was stopped by who asked for it"});
    return false;
  }
  return true;
}

Vector WeightLoader::decode(const TensorInfo& tensor) {
  const QuantCodec* codec = find_codec(tensor.dtype);
  if (!codec) {
    fail_with({ErrorCode::kUnsupportedFormat,
               fmt::format("tensor \"{}\" has type {}, expected floats", tensor.name, dtype_info(tensor.dtype).name)});
    return {};
  }
  if (options_.depth == LoadOptions::Depth::kPlan) {
    resident_bytes_ += tensor.n_elements() * sizeof(float);
    loaded_bytes_ += tensor.size_bytes;
    return Vector(tensor.n_elements(), 1.0f);  // a value that every model takes
  }
  std::vector<std::byte> bytes(tensor.size_bytes);
  if (auto read = file_.read_tensor(tensor, bytes); !read) {
    fail_with(std::move(read.error()).within(fmt::format("loading tensor \"{}\"", tensor.name)));
    return {};
  }
  Vector values(tensor.n_elements());
  codec->decode(bytes.data(), values.data(), values.size());
  resident_bytes_ += values.size() * sizeof(float);
  loaded_bytes_ += tensor.size_bytes;
  return values;
}

Matrix WeightLoader::matrix(const std::string& full_name, std::size_t n, std::size_t k) {
  const TensorInfo* tensor = require(full_name);
  if (!tensor || !check_shape(*tensor, {k, n})) return {};
  Matrix matrix{.n = n, .k = k};
  return pack(*tensor, {.n_each = n}, matrix) ? std::move(matrix) : Matrix{};
}

Linear WeightLoader::linear(const std::string& name, std::size_t n, std::size_t k) {
  if (const TensorInfo* scale = file_.find_tensor(name + ".scale"); scale && scale->n_elements() == 1) {
    fail_with({ErrorCode::kUnsupportedFormat,
               fmt::format("tensor \"{}.scale\": a factor for a whole matrix (NVFP4) is not supported", name)});
  }
  return {matrix(name + ".weight", n, k), optional_vector(name + ".bias", n), {}};
}

Linear WeightLoader::optional_linear(const std::string& name, std::size_t n, std::size_t k) {
  return has(name + ".weight") ? linear(name, n, k) : Linear{};
}

Experts WeightLoader::experts(const std::string& name, std::size_t n_experts, std::size_t n, std::size_t k) {
  const TensorInfo* tensor = require(name + ".weight");
  if (!tensor || !check_shape(*tensor, {k, n, n_experts})) return {};
  Experts experts{.n_experts = n_experts, .matrices = {.n = n, .k = k}};
  if (!pack(*tensor, {.n_matrices = n_experts, .n_each = n}, experts.matrices)) return {};
  if (has(name + ".bias")) experts.bias = table(name + ".bias", n_experts, n);
  return experts;
}

std::pair<Experts, Experts> WeightLoader::fused_experts(const std::string& name, std::size_t n_experts, std::size_t n,
                                                        std::size_t k) {
  const TensorInfo* tensor = require(name + ".weight");
  if (!tensor || !check_shape(*tensor, {k, 2 * n, n_experts})) return {};
  std::pair<Experts, Experts> both;
  std::size_t begin = 0;
  for (Experts* half : {&both.first, &both.second}) {
    half->n_experts = n_experts;
    half->matrices = {.n = n, .k = k};
    if (!pack(*tensor, {.n_matrices = n_experts, .n_each = 2 * n, .begin = begin}, half->matrices)) return {};
    begin += n;
  }
  const Vector bias = has(name + ".bias") ? table(name + ".bias", n_experts, 2 * n) : Vector{};
  for (std::size_t at = 0; at < bias.size(); at += 2 * n) {
    const auto expert = bias.begin() + static_cast<std::ptrdiff_t>(at),
               middle = expert + static_cast<std::ptrdiff_t>(n);
    both.first.bias.insert(both.first.bias.end(), expert, middle);
    both.second.bias.insert(both.second.bias.end(), middle, middle + static_cast<std::ptrdiff_t>(n));
  }
  return both;
}

Vector WeightLoader::vector(const std::string& full_name, std::size_t n) {
  const TensorInfo* tensor = require(full_name);
  if (!tensor) return {};
  if (tensor->n_elements() != n) {
    fail_with(
        {ErrorCode::kCorruptedModel, fmt::format("tensor \"{}\": expected {} elements from the metadata, found {}",
                                                 full_name, n, shape_text(*tensor))});
    return {};
  }
  return decode(*tensor);
}

Vector WeightLoader::table(const std::string& full_name, std::size_t n, std::size_t k) {
  const TensorInfo* tensor = require(full_name);
  return tensor && check_shape(*tensor, {k, n}) ? decode(*tensor) : Vector{};
}

Vector WeightLoader::optional_vector(const std::string& full_name, std::size_t n) {
  return !error_ && has(full_name) ? vector(full_name, n) : Vector{};
}

}  // namespace hearth
