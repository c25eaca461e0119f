// What every command of the library needs: the shelf, the catalogue, a way to the hub, and names that become files.
#pragma once

#include <memory>
#include <string>

#include "cli/flags.h"
#include "cli/outcome.h"
#include "cli/settings.h"
#include "library/net/http_client.h"
#include "library/shelf/pull.h"
#include "library/shelf/shelf.h"

namespace hearth::cli {

/// The shelf, made when there is none; tells when its index had to be saved.
Checked<library::Shelf> open_shelf(const Settings& settings);
Checked<library::Catalogue> open_catalogue(const Settings& settings);
Checked<library::HttpClient> open_client(const Settings& settings);
library::AllowList allowed_sources(const Settings& settings);

enum class Found : std::uint8_t { kPath, kShelf, kNowhere };
/// Replaces the name of a model on the shelf by the path of its file. What is a path stays, and so does what is
/// nowhere. Sources that are not allowed are refused.
Checked<Found> find_model(std::string& text, const Settings& settings);
/// The model that a name on the command line means, or an error that names the cure.
Checked<library::ShelfModel> model_on_shelf(library::Shelf& shelf, const std::string& text, const Settings& settings);

/// What to do about a name that is neither a file nor on the shelf: the name that was probably meant, or how to pull
/// it.
std::string advice_on_absent(const std::string& text, const Settings& settings);

/// Turns Ctrl-C into a stop while it lives.
class StopOnInterrupt {
 public:
  StopOnInterrupt();
  ~StopOnInterrupt();
  StopOnInterrupt(const StopOnInterrupt&) = delete;
  StopOnInterrupt& operator=(const StopOnInterrupt&) = delete;
  [[nodiscard]] std::stop_token token() const;

 private:
  struct Watch;
  std::unique_ptr<Watch> watch_;
};

/// A download as a bar on a terminal, or as one JSON object a line.
class PullDisplay {
 public:
  enum class Form : std::uint8_t { kBar, kJson, kSilent };
  explicit PullDisplay(Form form) : form_(form) {}
  void show(const library::PullProgress& progress);
  /// Takes the bar away.
  void finish();

 private:
  Form form_;
  std::size_t width_ = 0;
};

/// One JSON object for `list --json`, `show --json` and the last event of `pull --json`.
std::string model_json(const library::ShelfModel& model);

}  // namespace hearth::cli
