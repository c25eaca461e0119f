// Opening the library for commands.
#include "cli/library/access.h"

#include <chrono>
#include <filesystem>
#include <thread>

#include "base/file.h"
#include "cli/console.h"
#include "cli/interrupt.h"
#include "library/names/nearest.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

namespace fs = std::filesystem;
using library::FetchProgress;
using Json = nlohmann::json;

constexpr std::uint64_t kLargestCatalogue = 4u << 20;

std::string_view phase_name(FetchProgress::Phase phase) {
  switch (phase) {
    case FetchProgress::Phase::kWaiting: return "waiting";
    case FetchProgress::Phase::kChecking: return "checking";
    case FetchProgress::Phase::kTransfer: return "transfer";
    case FetchProgress::Phase::kVerifying: return "verifying";
  }
  return "";
}

std::string duration_text(std::chrono::seconds time) {
  const auto s = time.count();
  if (s < 90) return fmt::format("{} s", s);
  if (s < 5400) return fmt::format("{} min", (s + 30) / 60);
  return fmt::format("{} h {:02} min", s / 3600, s / 60 % 60);
}

}  // namespace

Checked<library::Shelf> open_shelf(const Settings& settings) {
  HEARTH_TRY(library::Shelf shelf, library::Shelf::open(settings.library.home));
  if (!shelf.notice().empty()) note("hearth: " + shelf.notice());
  return shelf;
}

Checked<library::Catalogue> open_catalogue(const Settings& settings) {
  HEARTH_TRY(library::Catalogue catalogue, library::Catalogue::built_in());
  if (const std::string& path = settings.library.catalogue; !path.empty()) {
    HEARTH_TRY(const std::string json, read_file(path, kLargestCatalogue));
    HEARTH_CHECK(catalogue.extend(json, path));
  }
  return catalogue;
}

Checked<library::HttpClient> open_client(const Settings& settings) {
  library::NetOptions options;
  options.hub = settings.library.hub;
  options.token = settings.library.token;
  options.proxy = settings.library.proxy;
  options.trusted = settings.library.trusted_origins;
  options.offline = settings.library.offline;
  HEARTH_TRY(library::HttpClient client, library::HttpClient::create(std::move(options)));
  return client;
}

library::AllowList allowed_sources(const Settings& settings) {
  return library::AllowList(settings.library.allowed_sources);
}

Checked<Found> find_model(std::string& text, const Settings& settings) {
  std::error_code ignored;
  const library::AllowList allowed = allowed_sources(settings);
  const auto name = library::parse_model_name(text);
  if (!name || std::holds_alternative<library::PathName>(*name) || fs::exists(text, ignored)) {
    if (allowed.restricts()) HEARTH_CHECK(allowed.check("file:" + fs::weakly_canonical(text, ignored).string()));
    return Found::kPath;
  }
  HEARTH_TRY(std::optional<library::Shelf> shelf, library::Shelf::open_existing(settings.library.home));
  if (!shelf) return Found::kNowhere;
  if (!shelf->notice().empty()) note("hearth: " + shelf->notice());
  HEARTH_TRY(const library::Catalogue catalogue, open_catalogue(settings));
  HEARTH_TRY(const std::optional<library::ShelfModel> model, shelf->find(*name, catalogue));
  if (!model) return Found::kNowhere;
  HEARTH_CHECK(allowed.check(model->source));
  HEARTH_TRY(const fs::path path, shelf->path_to_open(*model));
  text = path.string();
  return Found::kShelf;
}

Checked<library::ShelfModel> model_on_shelf(library::Shelf& shelf, const std::string& text, const Settings& settings) {
  HEARTH_TRY(const library::ModelName name, library::parse_model_name(text));
  HEARTH_TRY(const library::Catalogue catalogue, open_catalogue(settings));
  HEARTH_TRY(std::optional<library::ShelfModel> model, shelf.find(name, catalogue));
  if (!model) {
    HEARTH_TRY(const std::vector<std::string> names, shelf.names());
    return std::unexpected(
        Failure({ErrorCode::kFileNotFound, fmt::format("no model is called \"{}\" here{}; `hearth list` shows what is, "
                                                       "`hearth pull` downloads",
                                                       library::harmless(text), library::did_you_mean(text, names))}));
  }
  return std::move(*model);
}

std::string advice_on_absent(const std::string& text, const Settings& settings) {
  const auto name = library::parse_model_name(text);
  const auto* own = name ? std::get_if<library::CatalogueName>(&*name) : nullptr;
  const auto catalogue = open_catalogue(settings);
  if (!own || !catalogue || catalogue->find(*own))
    return fmt::format(
        "nothing on the shelf has that name either: `hearth pull {}` downloads it, `hearth list` shows what "
        "is here",
        text);
  std::vector<std::string> known = catalogue->spellings();
  if (auto shelf = library::Shelf::open_existing(settings.library.home); shelf && *shelf) {
    if (const auto names = (*shelf)->names()) known.insert(known.begin(), names->begin(), names->end());
  }
  return fmt::format(
      "no model has that name either{}; `hearth list` shows what is here, `hearth list --catalogue` what "
      "can be pulled",
      library::did_you_mean(text, known));
}

struct StopOnInterrupt::Watch {
  InterruptGuard guard;
  std::stop_source stop;
  std::jthread thread;
};

StopOnInterrupt::StopOnInterrupt() : watch_(std::make_unique<Watch>()) {
  watch_->thread = std::jthread([watch = watch_.get()](const std::stop_token& end) {
    do {
      if (watch->guard.interrupted()) watch->stop.request_stop();
    } while (library::wait_for(std::chrono::milliseconds(50), end));
  });
}

StopOnInterrupt::~StopOnInterrupt() = default;

std::stop_token StopOnInterrupt::token() const {
  return watch_->stop.get_token();
}

void PullDisplay::show(const library::PullProgress& progress) {
  const FetchProgress& fetch = progress.fetch;
  const std::uint64_t done = progress.n_bytes_before + fetch.n_done, all = progress.n_bytes_all;
  if (form_ == Form::kJson) {
    const Json event = {{"event", "progress"},
                        {"file", progress.file},
                        {"phase", phase_name(fetch.phase)},
                        {"done_bytes", done},
                        {"total_bytes", all},
                        {"bytes_per_second", fetch.bytes_per_second},
                        {"eta_seconds", fetch.eta ? Json(fetch.eta->count()) : Json(nullptr)},
                        {"note", fetch.note}};
    (void)print(event.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
    (void)flush_output();
  }
  if (form_ != Form::kBar) return;
  constexpr std::size_t kCells = 24;
  const std::size_t cells = all ? static_cast<std::size_t>(kCells * std::min(done, all) / all) : 0;
  std::string line = fmt::format("[{}{}] {} of {}", std::string(cells, '#'), std::string(kCells - cells, '.'),
                                 bytes_text(done), bytes_text(all));
  if (progress.n_files > 1) line += fmt::format(", file {} of {}", progress.file_idx + 1, progress.n_files);
  if (fetch.phase == FetchProgress::Phase::kTransfer) {
    line += fmt::format(", {}/s", bytes_text(static_cast<std::uint64_t>(fetch.bytes_per_second)));
    if (fetch.eta) line += ", " + duration_text(*fetch.eta) + " left";
  } else {
    line += fmt::format(", {}", phase_name(fetch.phase));
  }
  if (!fetch.note.empty()) line += "; " + fetch.note.substr(0, 60);
  const std::size_t used = line.size();
  if (used < width_) line.append(width_ - used, ' ');
  width_ = used;
  note_progress("\r" + line);
}

void PullDisplay::finish() {
  if (form_ == Form::kBar && width_ > 0) note_progress("\r" + std::string(width_, ' ') + "\r");
  width_ = 0;
}

std::string model_json(const library::ShelfModel& model) {
  Json files = Json::array();
  for (const library::ShelfFile& file : model.files) {
    files.push_back({{"name", file.name},
                     {"bytes", file.n_bytes},
                     {"sha256", file.sha256},
                     {"path", file.path.string()},
                     {"owner", file.owner.empty() ? "hearth" : file.owner}});
  }
  const Json json = {{"names", model.names},   {"source", model.source},   {"commit", model.commit},
                     {"format", model.format}, {"quant", model.quant},     {"licence", model.licence},
                     {"added", model.added},   {"bytes", model.n_bytes()}, {"files", files}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace hearth::cli
