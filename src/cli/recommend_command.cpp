// hearth recommend: which models of the catalogue serve this machine, or a device of a named class.
#include <algorithm>
#include <array>

#include "cli/command.h"
#include "cli/console.h"
#include "cli/device_speed.h"
#include "cli/library/access.h"
#include "device/memory.h"
#include "library/fit/candidates.h"
#include "library/fit/proposal.h"
#include "library/fit/speed.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

using Json = nlohmann::json;

/// Slower than this nobody waits for a spoken answer, or reads along.
constexpr double kVoiceTokS = 15, kReadingTokS = 5;
constexpr std::size_t kMostPicks = 6;

class Recommend final : public Command {
 public:
  void declare(Flags& flags) override {
    flags.choice("--for", use_, {"chat", "code", "voice", "vision", "embedding"}, "What it is for (default: chat)");
    flags.number("--max-memory", max_fraction_, 0.05f, 1.0f,
                 "The share of memory an app may take (default: of the device's class)");
    flags.text("--device", device_, "CLASS", "A class of devices instead of this machine: " + class_names());
    flags.toggle("--json", json_, "Print JSON");
  }

  Outcome run(const Settings& settings) override {
    HEARTH_TRY(const library::Catalogue catalogue, open_catalogue(settings));
    const std::vector<fit::Candidate> candidates = fit::candidates_of(catalogue);
    const MemoryState memory = read_memory_state();
    const fit::DeviceClass* device = device_.empty()
                                         ? &fit::class_for(fit::DeviceClass::Kind::kComputer, memory.total_bytes)
                                         : fit::find_device_class(device_);
    if (!device)
      return usage_error(fmt::format("there is no class of devices \"{}\"; known are {}", device_, class_names()));
    const double fraction = max_fraction_.value_or(0);
    const fit::Budget budget =
        device_.empty() ? fit::budget_of(*device, memory, fraction) : fit::budget_of(*device, fraction);
    std::vector<fit::Pick> picks = fit::recommend(candidates, use_, *device, budget);
    if (device_.empty()) speed_ = device_speed(settings, std::array{DType::kQ4_K, DType::kQ6_K, DType::kQ8_0});
    if (device_.empty()) prefer_fast(picks);
    if (picks.size() > kMostPicks) picks.resize(kMostPicks);
    HEARTH_CHECK(print(json_ ? as_json(picks, *device, budget).dump(2) + "\n" : as_text(picks, *device, budget)));
    return kOk;
  }

 private:
  static std::string class_names() {
    std::string names;
    for (const fit::DeviceClass& row : fit::device_classes())
      names += fmt::format("{}{}", names.empty() ? "" : ", ", row.name);
    return names;
  }

  [[nodiscard]] double tok_s(const fit::Pick& pick) const {
    return fit::estimate_speed(fit::work_of(*pick.model, pick.running.kv), speed_, pick.running.n_ctx).tok_s;
  }
  /// Those that nobody has to wait for come first; all of them where the speed is not known.
  void prefer_fast(std::vector<fit::Pick>& picks) const {
    const double enough = use_ == "voice" ? kVoiceTokS : kReadingTokS;
    std::ranges::stable_partition(picks, [&](const fit::Pick& pick) {
      const double speed = tok_s(pick);
      return speed == 0 || speed >= enough;
    });
  }

  /// Why it is in the list at its place.
  [[nodiscard]] std::string reason(const fit::Pick& pick) const {
    std::string text = fmt::format("{} with {} positions", fit::verdict_text(pick.verdict), pick.running.n_ctx);
    if (const double speed = tok_s(pick); speed > 0) {
      text += fmt::format(", about {:.0f} tok/s", speed);
      if (speed < kReadingTokS) text += ": slower than one reads";
      if (use_ == "voice" && speed < kVoiceTokS) text += ": too slow for voice";
    }
    return text;
  }

  [[nodiscard]] std::string as_text(const std::vector<fit::Pick>& picks, const fit::DeviceClass& device,
                                    const fit::Budget& budget) const {
    std::string out = fmt::format("For {} on this {}: an app may take {}, {} when nothing else runs.\n\n", use_,
                                  device.name, bytes_text(budget.share_bytes), bytes_text(budget.alone_bytes));
    if (picks.empty()) return out + "No model of the catalogue fits.\n";
    for (const fit::Pick& pick : picks) {
      out += fmt::format("  {:18} {:>9}  {}\n", pick.model->name, bytes_text(pick.need.total()), reason(pick));
    }
    out += fmt::format("\nSizes are of Q4_K_M. Defaults of the class: --ctx {} --ubatch {}{}\n", device.n_ctx,
                       device.ubatch, device.n_threads ? fmt::format(" --threads {}", device.n_threads) : "");
    return out;
  }

  [[nodiscard]] Json as_json(const std::vector<fit::Pick>& picks, const fit::DeviceClass& device,
                             const fit::Budget& budget) const {
    Json list = Json::array();
    for (const fit::Pick& pick : picks) {
      const double speed = tok_s(pick);
      list.push_back({{"model", pick.model->name},
                      {"parameters", pick.model->n_parameters},
                      {"bytes", pick.need.total()},
                      {"n_ctx", pick.running.n_ctx},
                      {"verdict", fit::verdict_text(pick.verdict)},
                      {"tok_s", speed > 0 ? Json(speed) : Json(nullptr)},
                      {"reason", reason(pick)}});
    }
    return {{"device", device.name},
            {"for", use_},
            {"share_bytes", budget.share_bytes},
            {"alone_bytes", budget.alone_bytes},
            {"picks", list}};
  }

  std::string use_ = "chat", device_;
  std::optional<float> max_fraction_;
  bool json_ = false;
  fit::DeviceSpeed speed_;
};

}  // namespace

CommandInfo recommend_command() {
  return {
      .name = "recommend",
      .summary = "Name the models that suit this machine",
      .description =
          "Lists the models of the catalogue that fit this machine, with the memory they take and the speed to\n"
          "expect: those that are fast enough first, then the larger ones. A catalogue of yours (\"catalogue\" in the\n"
          "configuration) counts as it does for `hearth pull`.",
      .examples =
          "  hearth recommend --for code\n  hearth recommend --for voice --max-memory 0.3\n"
          "  hearth recommend --device phone-8 --json",
      .make = []() -> std::unique_ptr<Command> { return std::make_unique<Recommend>(); }};
}

}  // namespace hearth::cli
