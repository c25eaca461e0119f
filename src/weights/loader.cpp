// WeightLoader: parallel positioned reads, each chunk of rows packed as soon as it is read.
#include "weights/loader.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/checked.h"
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

Status WeightLoader::read_panels(const TensorInfo& tensor, const Rows& rows, const kernels::PackedMatrix& matrix,
                                 std::byte* panels) {
  const std::size_t panel_size = kernels::panel_bytes(matrix.type, matrix.k), panels_each = matrix.n_panels();
  const std::size_t row = row_bytes(matrix.type, matrix.k);
  const std::size_t panels_per_step = std::max<std::size_t>(1, kReadBytes / (row * kernels::kPanelRows));
  const std::size_t steps_each = (panels_each + panels_per_step - 1) / panels_per_step;
  std::vector<std::vector<std::byte>> staging(static_cast<std::size_t>(pool_.n_threads()));
  for (auto& bytes : staging) bytes.resize(panels_per_step * kernels::kPanelRows * row);
  std::mutex mutex;
  std::optional<Error> failure;
  pool_.parallel_for(rows.n_matrices * steps_each, [&](std::size_t step, int worker) {
    const std::size_t which = step / steps_each;
    const std::size_t panel_begin = step % steps_each * panels_per_step;
    const std::size_t row_begin = panel_begin * kernels::kPanelRows;
    const std::size_t n_rows = std::min(matrix.n - row_begin, panels_per_step * kernels::kPanelRows);
    const std::span bytes(staging[static_cast<std::size_t>(worker)].data(), n_rows * row);
    if (auto read = file_.read_tensor_range(tensor, (which * rows.n_each + rows.begin + row_begin) * row, bytes);
        !read) {
      const std::lock_guard lock(mutex);
      failure = std::move(read.error());
      return;
    }
    std::byte* panel = panels + (which * panels_each + panel_begin) * panel_size;
    for (std::size_t r = 0; r < n_rows; r += kernels::kPanelRows, panel += panel_size) {
      kernels::pack_panel(matrix.type, matrix.k, bytes.data() + r * row, row, std::min(n_rows - r, kernels::kPanelRows),
                          panel);
    }
  });
  if (failure) return std::unexpected(std::move(*failure));
  return {};
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
  auto buffer = AlignedBuffer::make(*total.value());
  if (!buffer) {
    fail_with(std::move(buffer.error()).within(fmt::format("loading tensor \"{}\"", tensor.name)));
    return false;
  }
  if (auto read = read_panels(tensor, rows, matrix.view(), buffer->data()); !read) {
    fail_with(std::move(read.error()).within(fmt::format("loading tensor \"{}\"", tensor.name)));
    return false;
  }
  if (options_.lock == LoadOptions::Lock::kYes && !buffer->lock()) {
    fail_with({ErrorCode::kInsufficientMemory,
               "locking the weights in memory was refused; raise the limit (ulimit -l) or load without locking"});
    return false;
  }
  matrix.panels = std::move(*buffer);
  loaded_bytes_ += rows.n_matrices * matrix.n * row_bytes(matrix.type, matrix.k);
  if (options_.progress) options_.progress(loaded_bytes_, file_.size_bytes());
  return true;
}

Vector WeightLoader::decode(const TensorInfo& tensor) {
  const QuantCodec* codec = find_codec(tensor.dtype);
  if (!codec) {
    fail_with({ErrorCode::kUnsupportedFormat,
               fmt::format("tensor \"{}\" has type {}, expected floats", tensor.name, dtype_info(tensor.dtype).name)});
    return {};
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
