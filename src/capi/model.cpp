// Opening, describing and closing models, and the host's life.
#include <cstddef>
#include <cstdlib>

#include "capi/handles.h"
#include "engine/registry.h"
#include "generate/embed.h"
#include "generate/request_json.h"
#include "hearth/version.h"
#include "library/care/careful_load.h"

#include <nlohmann/json.hpp>

using hearth::ErrorCode;
using hearth::Result;
using hearth::capi::guarded;

namespace {

// `size` can only tell versions apart if the last member ends the struct.
static_assert(offsetof(hearth_model_options, activations) + sizeof(const char*) == sizeof(hearth_model_options));

constexpr std::int32_t kDone = 0;

Result<hearth::KvStorage> kv_of(const char* name) {
  const std::string_view text = name == nullptr ? "f16" : name;
  if (text == "f16") return hearth::KvStorage::kF16;
  if (text == "f32") return hearth::KvStorage::kF32;
  if (text == "q8_0") return hearth::KvStorage::kQ8_0;
  return hearth::fail(ErrorCode::kInvalidArgument,
                      "hearth_model_options.kv is \"" + std::string(text) + R"("; it takes "f16", "f32" or "q8_0")");
}

Result<hearth::ActivationPrecision> activations_of(const char* name) {
  const std::string_view text = name == nullptr ? "float" : name;
  if (text == "float") return hearth::ActivationPrecision::kFloat;
  if (text == "bf16") return hearth::ActivationPrecision::kBf16;
  return hearth::fail(ErrorCode::kInvalidArgument, "hearth_model_options.activations is \"" + std::string(text) +
                                                       R"("; it takes "float" or "bf16")");
}

Result<hearth::OpenOptions> open_options_of(const hearth_model_options& o) {
  hearth::OpenOptions options;
  HEARTH_TRY(options.activations, activations_of(o.activations));
  if (o.engine != nullptr) options.engine = o.engine;
  if (o.isa != nullptr) options.isa = o.isa;
  if (o.cache_folder != nullptr) options.cache = hearth::CacheOptions{.folder = o.cache_folder};
  options.n_threads = o.n_threads;
  if (o.progress != nullptr)
    options.progress = [o](std::uint64_t done, std::uint64_t all) { return o.progress(o.user, done, all) == 0; };
  return options;
}

hearth::care::CareOptions care_options_of(const hearth_model_options& o) {
  using hearth::care::CareOptions;
  return {.journal = o.journal_folder == nullptr ? "" : o.journal_folder,
          .max_bytes = o.max_memory_bytes,
          .mode = o.force != 0 ? CareOptions::Mode::kForced : CareOptions::Mode::kCareful};
}

Result<hearth_model*> open_model_with(const std::string& path, const hearth_model_options& o) {
  hearth::generate::LocalGeneratorOptions generator;
  hearth::fit::Running wanted{.n_ctx = o.n_ctx, .ubatch = generator.scheduler.chunk};
  HEARTH_TRY(wanted.kv, kv_of(o.kv));
  HEARTH_TRY(const hearth::OpenOptions options, open_options_of(o));
  HEARTH_TRY(auto opened, hearth::care::open_with_care(path, wanted, options, care_options_of(o)));
  auto handle = std::make_unique<hearth_model>();
  handle->model = std::move(opened.model);
  handle->n_ctx = opened.running.n_ctx;
  handle->load_notice = std::move(opened.notice);
  if (handle->model->capabilities().logits == hearth::Capabilities::Logits::kNone) return handle.release();
  if (o.chat_template != nullptr) {
    generator.chat_template.given_source = o.chat_template;
    generator.chat_template.given_origin = "the caller";
  }
  HEARTH_TRY(generator.recommended, hearth::generate::recommended_beside(path, handle->model->info()));
  generator.scheduler.cache.sequence = {.n_ctx = opened.running.n_ctx, .kv = opened.running.kv};
  generator.scheduler.chunk = opened.running.ubatch;
  if (o.keep_bytes != 0) generator.scheduler.cache.max_bytes = o.keep_bytes;
  HEARTH_TRY(handle->generator, hearth::generate::LocalGenerator::make(handle->model, std::move(generator)));
  return handle.release();
}

std::string info_json(const hearth_model& model) {
  const hearth::ModelInfo& info = model.model->info();
  const hearth::Capabilities& can = model.model->capabilities();
  const nlohmann::ordered_json json = {{"name", info.name},
                                       {"architecture", info.architecture},
                                       {"engine", info.engine},
                                       {"isa", info.isa},
                                       {"quantization", info.quantization},
                                       {"parameters", info.n_parameters},
                                       {"context", info.n_ctx_train},
                                       {"vocabulary", info.vocab_size},
                                       {"layers", info.n_layers},
                                       {"dim", info.dim},
                                       {"weight_bytes", info.weight_bytes},
                                       {"kv_bytes_per_token", info.kv_bytes_per_token},
                                       {"threads", info.n_threads},
                                       {"recipe", info.recipe_id},
                                       {"context_used", model.n_ctx == 0 ? info.n_ctx_train : model.n_ctx},
                                       {"notice", model.load_notice},
                                       {"answers", can.logits != hearth::Capabilities::Logits::kNone},
                                       {"embeds", can.kind == hearth::Capabilities::Kind::kEncoder}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

extern "C" {

uint32_t hearth_abi_version(void) {
  return HEARTH_ABI_VERSION;
}

const char* hearth_version(void) {
  return hearth::kVersion.data();  // a literal
}

hearth_model* hearth_model_open(const char* path, const hearth_model_options* options, hearth_error* error) {
  return guarded<hearth_model*>(error, nullptr, [&]() -> Result<hearth_model*> {
    HEARTH_TRY(const std::string file, hearth::capi::required_text(path, "path"));
    HEARTH_TRY(const hearth_model_options mine, hearth::capi::sized(options, "hearth_model_options"));
    return open_model_with(file, mine);
  });
}

void hearth_model_close(hearth_model* model) {
  delete model;
}

char* hearth_model_info(hearth_model* model, hearth_error* error) {
  return guarded<char*>(error, nullptr, [&]() -> Result<char*> {
    HEARTH_CHECK(hearth::capi::chosen(model));
    return hearth::capi::copied(info_json(*model));
  });
}

int32_t hearth_model_warm_up(hearth_model* model, hearth_error* error) {
  return guarded<std::int32_t>(error, 1, [&]() -> Result<std::int32_t> {
    HEARTH_CHECK(hearth::capi::chosen(model));
    HEARTH_CHECK(model->answering());
    HEARTH_CHECK(model->generator->warm_up());
    return kDone;
  });
}

int32_t hearth_model_prime(hearth_model* model, const char* request_json, hearth_error* error) {
  return guarded<std::int32_t>(error, 1, [&]() -> Result<std::int32_t> {
    HEARTH_TRY(const std::string text, hearth::capi::required_text(request_json, "request_json"));
    HEARTH_TRY(const hearth::Request request, hearth::generate::parse_request(text));
    HEARTH_CHECK(hearth::capi::chosen(model));
    HEARTH_CHECK(model->answering());
    HEARTH_CHECK(model->generator->prime(request, hearth::capi::cancel_of(*model, nullptr)));
    return kDone;
  });
}

void hearth_model_on_memory_warning(hearth_model* model) {
  if (model->generator) model->generator->forget();
}

void hearth_model_on_background(hearth_model* model) {
  model->background = true;
  if (model->generator) model->generator->forget();
}

void hearth_model_on_foreground(hearth_model* model) {
  model->background = false;
}

float* hearth_embed(hearth_model* model, const char* text, size_t* n_values, hearth_error* error) {
  return guarded<float*>(error, nullptr, [&]() -> Result<float*> {
    HEARTH_TRY(const std::string given, hearth::capi::required_text(text, "text"));
    if (n_values == nullptr) return hearth::fail(ErrorCode::kInvalidArgument, "n_values is NULL");
    HEARTH_CHECK(hearth::capi::chosen(model));
    const std::lock_guard lock(model->embedding);
    HEARTH_TRY(const std::vector<float> values, hearth::generate::embed(*model->model, given));
    auto* const copy = static_cast<float*>(std::malloc(values.size() * sizeof(float)));
    if (copy == nullptr) throw std::bad_alloc();
    std::copy(values.begin(), values.end(), copy);
    *n_values = values.size();
    return copy;
  });
}

void hearth_values_free(float* values) {
  std::free(values);
}

void hearth_text_free(char* text) {
  std::free(text);
}

}  // extern "C"
