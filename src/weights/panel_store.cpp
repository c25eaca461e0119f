// Choosing between the cache and memory, and the two kinds of sink.
#include "weights/panel_store.h"

#include "kernels/layout.h"

namespace hearth {

namespace {

class MemorySink final : public PanelSink {
 public:
  explicit MemorySink(AlignedBuffer buffer) : buffer_(std::make_shared<AlignedBuffer>(std::move(buffer))) {}
  std::byte* place(int /*worker*/, std::uint64_t offset) override { return buffer_->data() + offset; }
  Status done(int /*worker*/, std::uint64_t /*offset*/, std::uint64_t /*n_bytes*/) override { return {}; }
  Result<std::shared_ptr<const std::byte>> finish() override {
    return std::shared_ptr<const std::byte>(buffer_, buffer_->data());
  }

 private:
  std::shared_ptr<AlignedBuffer> buffer_;
};

/// Chunks are packed in a buffer that stays in the processor's cache and copied into the file's pages: cheaper than
/// packing into fresh memory, which the system would clear first.
class FileSink final : public PanelSink {
 public:
  FileSink(PackedFileWriter& writer, PackedFileWriter::Region region, Staging& staging)
      : writer_(writer), region_(std::move(region)), staging_(staging) {
    staging_.reserve(region_.entry.chunk_bytes);
  }
  std::byte* place(int worker, std::uint64_t /*offset*/) override { return staging_.of(worker); }
  Status done(int worker, std::uint64_t offset, std::uint64_t n_bytes) override {
    return writer_.write(region_, offset, {staging_.of(worker), n_bytes});
  }
  Result<std::shared_ptr<const std::byte>> finish() override { return writer_.end(region_); }

 private:
  PackedFileWriter& writer_;
  PackedFileWriter::Region region_;
  Staging& staging_;
};

}  // namespace

PanelStore::PanelStore(const ModelFile& file, ThreadPool& pool, const std::optional<CacheOptions>& cache)
    : file_(file), staging_(pool.n_threads()) {
  const auto identity = cache ? file.identity() : std::nullopt;
  if (!identity) return;
  cache_.emplace(*cache);
  key_ = {.source = *identity, .layout = kernels::kPanelLayout};
  if (auto found = cache_->find(key_, pool)) {
    packed_ = std::move(*found);
    report_ = "packed weights from the cache";
    return;
  }
  auto begun = cache_->begin(key_, file.size_bytes() + file.tensors().size() * kMapAlignment);
  if (!begun) {
    (void)give_up(begun.error());
    return;
  }
  writer_.emplace(std::move(*begun));
  report_ = "packed into the cache";
}

std::shared_ptr<const std::byte> PanelStore::find(std::uint64_t matrix, std::uint64_t n_bytes) {
  if (!packed_) return nullptr;
  auto panels = packed_->find(matrix, n_bytes);
  incomplete_ = incomplete_ || !panels;
  return panels;
}

Result<std::unique_ptr<PanelSink>> PanelStore::make(std::uint64_t matrix, std::uint64_t n_bytes,
                                                    std::uint64_t chunk_bytes) {
  if (writer_) return std::make_unique<FileSink>(*writer_, writer_->begin(matrix, n_bytes, chunk_bytes), staging_);
  HEARTH_TRY(AlignedBuffer buffer, AlignedBuffer::make(n_bytes));
  return std::make_unique<MemorySink>(std::move(buffer));
}

bool PanelStore::give_up(const Error& why) {
  const bool was_writing = writer_.has_value();
  writer_.reset();
  report_ = "packed in memory, because the cache cannot be used: " + why.message;
  return was_writing;
}

void PanelStore::finish() {
  if (packed_ && incomplete_) {  // another version of this program made it
    cache_->remove(key_);
    report_ = "packed weights from the cache, which lacked some and will be made anew";
  }
  if (!writer_) return;
  if (file_.identity() != key_.source) {
    (void)give_up({ErrorCode::kIo, "the model file was changed while it was loaded"});
    return;
  }
  std::error_code error;
  const auto absolute = std::filesystem::absolute(file_.paths().front(), error);
  const std::string source = (error ? file_.paths().front() : absolute).lexically_normal().string();
  if (const Status published = writer_->publish(key_, source); !published) {
    (void)give_up(published.error());
    return;
  }
  writer_.reset();
  cache_->remove_superseded(key_, source);
}

}  // namespace hearth
