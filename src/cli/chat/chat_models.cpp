// Sitting down, changing seats, and what happens meanwhile.
#include "cli/chat/chat_models.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <utility>

#include "cli/console.h"
#include "cli/library/access.h"
#include "device/memory.h"
#include "engine/registry.h"
#include "library/fit/device_class.h"

#include <fmt/format.h>

namespace hearth::cli {

namespace {

using care::Residency;
using care::ResidencyEvent;

/// Idlers are looked for this often at most.
constexpr std::chrono::seconds kLook{30};

/// A name as it was typed, a path by its last part.
std::string shown(const std::string& typed, const std::string& path) {
  return typed == path ? std::filesystem::path(path).filename().string() : typed;
}

std::string budget_text(std::uint64_t n_bytes) {
  return n_bytes == std::numeric_limits<std::uint64_t>::max() ? "as much as there is" : bytes_text(n_bytes);
}

}  // namespace

std::uint64_t default_models_budget() {
  const MemoryState memory = read_memory_state();
  const fit::DeviceClass& device = fit::class_for(fit::DeviceClass::Kind::kComputer, memory.total_bytes);
  return std::max(fit::budget_of(device, memory).share_bytes, usable_memory_bytes(memory));
}

ChatModels::ChatModels(GeneratorFlags& flags, Settings settings, ChatModelsOptions options)
    : flags_(flags),
      settings_(std::move(settings)),
      options_(std::move(options)),
      residency_({.budget_bytes = options_.budget_bytes,
                  .keep_alive = options_.keep_alive,
                  .predict = [this](const std::string& key) { return predict(key); },
                  .load = [this](const std::string& key,
                                 const care::ResidencyOptions::Progress& progress) { return load(key, progress); },
                  .on_event = [this](const ResidencyEvent& event) { on_event(event); }}) {
  using std::chrono::milliseconds;
  if (options_.keep_alive.count() > 0)
    collector_.emplace(residency_, std::min<milliseconds>(milliseconds(options_.keep_alive) / 4, kLook));
}

ChatModels::~ChatModels() {
  give_up();
}

Checked<void> ChatModels::begin() {
  const ModelFlags& model = flags_.model_flags();
  HEARTH_CHECK(flags_.check());
  HEARTH_CHECK(model.check(model.path, settings_));
  seat_ = meet({.name = shown(model.typed, model.path), .path = model.path, .engine = model.engine});
  return {};
}

void ChatModels::load_ahead(const Request& begun) {
  if (work_.valid()) return;
  set_to_work([this, begun]() -> Status {
    if (!generator_) HEARTH_CHECK(sit());
    // What goes wrong here goes wrong again, and is told, when the person asks.
    if (begun.messages.empty()) {
      static_cast<void>(generator_->warm_up());
    } else {
      static_cast<void>(generator_->prime(begun, [this] { return stop_.stop_requested(); }));
    }
    return {};
  });
}

Result<Reply> ChatModels::generate(const Request& request, const EventSink& sink, const CancelCheck& cancelled) {
  HEARTH_CHECK(settle(cancelled));
  if (!generator_) {
    set_to_work([this] { return sit(); });
    HEARTH_CHECK(settle(cancelled));
  }
  return generator_->generate(request, sink, cancelled);
}

Status ChatModels::change(std::string name, const std::string& engine, const Request& conversation,
                          const CancelCheck& cancelled) {
  std::string path = name;
  const auto found = find_model(path, settings_);
  if (!found) return std::unexpected(found.error().error);
  if (*found == Found::kNowhere) {
    return fail(ErrorCode::kFileNotFound,
                fmt::format("no model is called {} here; `hearth list` shows what is, `hearth pull {}` downloads it",
                            name, name));
  }
  name = shown(name, path);
  give_up();
  const std::string key = meet({.name = std::move(name), .path = path, .engine = engine});
  if (key == seat_ && generator_) return {};
  set_to_work([this, key, conversation] { return exchange(key, conversation); });
  const Status done = settle(cancelled);
  load_ahead(conversation);  // the new one reads it; or the old one comes back
  return done;
}

/// In the working thread: the model that is to answer, loaded if it is not here.
Status ChatModels::sit() {
  HEARTH_TRY(const std::shared_ptr<LanguageModel> model, residency_.use(seat_));
  HEARTH_TRY(generator_, generator_of(seat_, model));
  return {};
}

/// In the working thread.
Status ChatModels::exchange(const std::string& key, Request conversation) {
  auto model = residency_.switch_to(key, seat_);
  if (!model && model.error().code == ErrorCode::kInsufficientMemory && generator_) {
    generator_.reset();  // what it keeps of the conversation goes; then the model may go, too
    model = residency_.switch_to(key, seat_);
  }
  if (!model) return std::unexpected(std::move(model.error()));
  auto generator = generator_of(key, *model);
  Status fits;
  if (generator && !conversation.messages.empty()) {
    conversation.messages.push_back(Message::user("Go on."));  // as the next message will be
    fits = (*generator)->check(conversation);
  }
  if (generator && fits) {
    generator_ = std::move(*generator);
    seat_ = key;
    return {};
  }
  const Error why = generator ? fits.error() : generator.error();
  if (generator) generator->reset();
  model->reset();
  if (key != seat_) static_cast<void>(residency_.unload(key));
  return std::unexpected(why);
}

Result<std::unique_ptr<generate::LocalGenerator>> ChatModels::generator_of(
    const std::string& key, const std::shared_ptr<LanguageModel>& model) {
  const Known of = known(key);
  if (auto drafted = flags_.load_draft(settings_, watch({})); !drafted)
    return std::unexpected(std::move(drafted.error().error));
  auto generator = flags_.make(model, of.path, of.running, of.load_s, settings_);
  if (!generator) return std::unexpected(std::move(generator.error().error));
  if (!flags_.has_template() && model->info().chat_template.empty()) {
    const std::lock_guard lock(mutex_);
    notices_.push_back(fmt::format("(template {}; --template chooses)", (*generator)->template_source()));
  }
  return std::move(*generator);
}

Result<std::uint64_t> ChatModels::predict(const std::string& key) const {
  const Known model = known(key);
  HEARTH_CHECK(choose_engine(model.path, model.engine.empty() ? settings_.engine : model.engine));
  const fit::Running running = flags_.model_flags().running();
  if (const auto foreseen = care::foresee(model.path, running.kv))
    return fit::need_of(foreseen->model.memory, care::counted(running, *foreseen)).total() - fit::kProgramBytes;
  std::error_code ignored;
  const auto size = std::filesystem::file_size(model.path, ignored);
  return ignored ? 0 : size;
}

Result<std::unique_ptr<LanguageModel>> ChatModels::load(const std::string& key,
                                                        const care::ResidencyOptions::Progress& progress) {
  using Clock = std::chrono::steady_clock;
  const Known model = known(key);
  ModelFlags flags = flags_.model_flags();
  flags.engine = model.engine;
  const auto begun = Clock::now();
  auto loaded = flags.load(model.path, settings_, watch(progress));
  if (!loaded) return std::unexpected(std::move(loaded.error().error));
  const std::lock_guard lock(mutex_);
  Known& now = known_[key];
  now.running = loaded->running;
  now.foreseen = std::move(loaded->foreseen);
  now.load_s = std::chrono::duration<double>(Clock::now() - begun).count();
  return std::move(loaded->model);
}

LoadWatch ChatModels::watch(const care::ResidencyOptions::Progress& progress) {
  return {.progress =
              [this, progress](std::uint64_t done, std::uint64_t total) {
                if (progress) progress(done, total);
                return !stop_.stop_requested();
              },
          .tell =
              [this](const std::string& text) {
                const std::lock_guard lock(mutex_);
                notices_.push_back(text);
              }};
}

void ChatModels::on_event(const ResidencyEvent& event) {
  using Kind = ResidencyEvent::Kind;
  if (event.kind == Kind::kProgress) {
    done_bytes_ = event.done_bytes;
    total_bytes_ = event.total_bytes;
  }
  if (event.kind != Kind::kUnloaded || event.why == "idle" || event.why == "asked") return;
  const std::lock_guard lock(mutex_);
  notices_.push_back(fmt::format("({} left memory)", known_[event.model].name));
}

void ChatModels::set_to_work(std::function<Status()> work) {
  stop_ = std::stop_source();
  total_bytes_ = 0;
  work_ = std::async(std::launch::async, std::move(work));
}

Status ChatModels::settle(const CancelCheck& cancelled) {
  if (!work_.valid()) return {};
  LoadProgress progress(options_.progress);
  while (work_.wait_for(std::chrono::milliseconds(20)) != std::future_status::ready) {
    if (cancelled && cancelled()) stop_.request_stop();
    progress.show(done_bytes_, total_bytes_);
  }
  progress.finish();
  Status done = work_.get();
  std::vector<std::string> notices;
  {
    const std::lock_guard lock(mutex_);
    notices.swap(notices_);
  }
  for (const std::string& notice : notices) options_.tell(notice);
  return done;
}

void ChatModels::give_up() {
  stop_.request_stop();
  if (work_.valid()) static_cast<void>(work_.get());
}

std::string ChatModels::meet(Known model) {
  std::error_code ignored;
  const auto absolute = std::filesystem::weakly_canonical(model.path, ignored);
  std::string key = absolute.empty() ? model.path : absolute.string();
  if (!model.engine.empty()) key += " with " + model.engine;
  const std::lock_guard lock(mutex_);
  known_.try_emplace(key, std::move(model));
  return key;
}

ChatModels::Known ChatModels::known(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(key);
  return found == known_.end() ? Known() : found->second;
}

Result<std::string> ChatModels::key_of(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, model] : known_) {
    if (name.empty() ? key == seat_ : model.name == name || model.path == name) return key;
  }
  return fail(ErrorCode::kFileNotFound, fmt::format("{} is not in memory; /models lists what is", name));
}

Status ChatModels::unload(const std::string& name) {
  HEARTH_TRY(const std::string key, key_of(name));
  if (key == seat_) {
    give_up();
    generator_.reset();
  }
  return residency_.unload(key);
}

Status ChatModels::pin(const std::string& name, Residency::Pin pin) {
  HEARTH_TRY(const std::string key, key_of(name));
  if (residency_.pin(key, pin)) return {};
  return fail(ErrorCode::kFileNotFound, fmt::format("{} is not in memory yet", known(key).name));
}

std::string ChatModels::name() const {
  return known(seat_).name;
}

std::string ChatModels::list_text() const {
  const std::vector<Residency::Resident> here = residency_.list();
  if (here.empty()) return fmt::format("no model is in memory; the next message loads {}", name());
  std::string text;
  std::size_t width = 0;
  for (const Residency::Resident& model : here) width = std::max(width, known(model.model).name.size());
  for (const Residency::Resident& model : here) {
    const bool answers = model.model == seat_;
    text += fmt::format("{} {:{}}  {:>10}  {}{}\n", answers ? '*' : ' ', known(model.model).name, width,
                        bytes_text(model.bytes), answers ? "answers" : fmt::format("idle for {}", model.idle.count()),
                        answers ? "" : " s");
    if (model.pinned) text.insert(text.size() - 1, ", pinned");
  }
  return text + fmt::format("{} of {}", bytes_text(residency_.used_bytes()), budget_text(options_.budget_bytes));
}

void ChatModels::remember(const Receipt& receipt) const {
  const Known model = known(seat_);
  if (!model.foreseen || residency_.list().size() != 1) return;
  remember_load(*model.foreseen, model.running, receipt, flags_.model_flags().with_flags(settings_));
}

}  // namespace hearth::cli
