// One line for each option.
#include "generate/options.h"

#include <array>
#include <random>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::generate {

namespace {

using Source = EffectiveOption::Source;

std::string as_json(float value) {
  return fmt::format("{}", value);
}
template <std::integral T>
std::string as_json(T value) {
  return fmt::format("{}", value);
}
std::string as_json(const std::vector<std::string>& texts) {
  return nlohmann::json(texts).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}
std::string as_json(const DryOptions& dry) {
  return fmt::format(R"({{"multiplier":{},"base":{},"allowed_length":{},"window":{}}})", dry.multiplier, dry.base,
                     dry.allowed_length, dry.window);
}
std::string as_json(const XtcOptions& xtc) {
  return fmt::format(R"({{"probability":{},"threshold":{}}})", xtc.probability, xtc.threshold);
}
std::string as_json(const MirostatOptions& mirostat) {
  return fmt::format(R"({{"version":{},"tau":{},"eta":{}}})", mirostat.version, mirostat.tau, mirostat.eta);
}

class Resolver {
 public:
  Resolver(const Request& request, const Recommendation& model)
      : levels_{{{Source::kCaller, {request.sampling, request.max_tokens, request.stop, request.max_sentences}},
                 {Source::kPreset, preset_options(request.preset)},
                 {Source::kModel, model}}} {}

  template <typename T>
  void choose(std::string name, std::optional<T> SamplingRequest::* member, T& value) {
    pick(std::move(name), value, [&](const Recommendation& level) -> const auto& { return level.sampling.*member; });
  }
  template <typename T>
  void choose(std::string name, std::optional<T> Recommendation::* member, T& value) {
    pick(std::move(name), value, [&](const Recommendation& level) -> const auto& { return level.*member; });
  }
  std::vector<EffectiveOption> told;

 private:
  template <typename T, typename Of>
  void pick(std::string name, T& value, const Of& of) {
    Source source = Source::kDefault;
    for (const auto& [level, options] : levels_) {
      if (!of(options)) continue;
      value = *of(options);
      source = level;
      break;
    }
    told.push_back({source, std::move(name), as_json(value)});
  }
  std::array<std::pair<Source, Recommendation>, 3> levels_;
};

std::uint64_t drawn_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 21 ^ device();  // below 2^53, so that JSON can carry it
}

}  // namespace

Recommendation preset_options(Preset preset) {
  Recommendation options;
  switch (preset) {
    case Preset::kDefault: break;
    case Preset::kConversational:
      options.sampling.temperature = 0.7f;
      options.sampling.top_p = 0.9f;
      options.max_tokens = 300;
      options.stop = {"User:", "Human:", "\n\n\n"};
      break;
    case Preset::kPrecise:
      options.sampling.temperature = 0.3f;
      options.sampling.top_p = 0.95f;
      options.max_tokens = 500;
      options.stop.emplace();
      break;
    case Preset::kOfflineAssistant: options.max_sentences = 2; break;
  }
  return options;
}

ResolvedOptions resolve_options(const Request& request, const Recommendation& model) {
  ResolvedOptions resolved;
  SamplerOptions& s = resolved.sampling;
  using S = SamplingRequest;
  Resolver resolver(request, model);
  resolver.choose("temperature", &S::temperature, s.temperature);
  resolver.choose("top_k", &S::top_k, s.top_k);
  resolver.choose("top_p", &S::top_p, s.top_p);
  resolver.choose("min_p", &S::min_p, s.min_p);
  resolver.choose("typical_p", &S::typical_p, s.typical_p);
  resolver.choose("repetition_penalty", &S::repetition_penalty, s.repetition_penalty);
  resolver.choose("presence_penalty", &S::presence_penalty, s.presence_penalty);
  resolver.choose("frequency_penalty", &S::frequency_penalty, s.frequency_penalty);
  resolver.choose("penalty_window", &S::penalty_window, s.penalty_window);
  resolver.choose("dry", &S::dry, s.dry);
  resolver.choose("xtc", &S::xtc, s.xtc);
  resolver.choose("mirostat", &S::mirostat, s.mirostat);
  s.seed = drawn_seed();
  resolver.choose("seed", &S::seed, s.seed);
  resolver.choose("max_tokens", &Recommendation::max_tokens, resolved.max_tokens);
  resolver.choose("stop", &Recommendation::stop, resolved.stop);
  resolver.choose("max_sentences", &Recommendation::max_sentences, resolved.max_sentences);
  s.logit_bias = request.sampling.logit_bias;
  s.custom = request.sampling.custom;
  s.n_logprobs = request.sampling.n_logprobs;
  if (!request.sampling.order.empty()) s.order = request.sampling.order;
  resolved.told = std::move(resolver.told);
  return resolved;
}

}  // namespace hearth::generate
