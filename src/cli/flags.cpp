// Flags by CLI11, with our own parsing of numbers and our own words for mistakes.
#include "cli/flags.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/closest.h"
#include "cli/console.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

namespace hearth::cli {

namespace {

Result<double> parse_number(std::string_view text, double min, double max) {
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || !(value >= min && value <= max))
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("expected a number from {} to {}, found \"{}\"", min, max, text));
  return value;
}

Result<std::int64_t> parse_integer(std::string_view text, std::int64_t min, std::int64_t max) {
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || value < min || value > max) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("expected a whole number from {} to {}, found \"{}\"", min, max, text));
  }
  return value;
}

/// What was given beyond what the command takes: a flag it does not have, with the nearest it has, or one word too
/// many.
std::string unexpected_words(const CLI::App& app) {
  const std::vector<std::string> extras = app.remaining();
  const auto flag = std::ranges::find_if(extras, [](const std::string& word) { return word.starts_with("-"); });
  if (flag == extras.end()) return fmt::format("\"{}\" is one word too many", fmt::join(extras, " "));
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  const std::vector<std::string_view> views(names.begin(), names.end());
  const std::string name = flag->substr(0, flag->find('='));
  if (name.find(' ') != std::string::npos)
    return fmt::format("\"{}\" begins like a flag; put -- before words that do", name);
  return fmt::format("there is no flag {}{}", name, did_you_mean(name, views));
}

}  // namespace

Result<std::uint64_t> parse_count(std::string_view text, std::uint64_t min, std::uint64_t max) {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || value < min || value > max) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("expected a whole number from {} to {}, found \"{}\"", min, max, text));
  }
  return value;
}

struct Flags::Impl {
  Impl(std::string_view name, std::string_view description)
      : command(name), app(std::string(description), "hearth " + command) {}

  std::string command;
  CLI::App app;
  std::vector<std::function<std::string*()>> models;

  /// Binds a flag to a function that takes its text or says why not.
  CLI::Option* bind(const std::string& flag, const std::string& placeholder, const std::string& help,
                    std::function<Status(const std::string&)> take) {
    const auto callback = [flag, take = std::move(take)](const std::string& text) {
      if (auto status = take(text); !status)
        throw CLI::ValidationError(fmt::format("{}: {}", flag, status.error().message),
                                   CLI::ExitCodes::ValidationError);
    };
    return app.add_option_function<std::string>(flag, callback, help)->type_name(placeholder);
  }
  // For values and optional values alike.
  void bind_count(const std::string& flag, auto& value, std::size_t min, std::size_t max, const std::string& help) {
    bind(flag, "N", help, [&value, min, max](const std::string& text) -> Status {
      HEARTH_TRY(value, parse_count(text, min, max));
      return {};
    });
  }
  void bind_integer(const std::string& flag, auto& value, std::int32_t min, std::int32_t max, const std::string& help) {
    bind(flag, "N", help, [&value, min, max](const std::string& text) -> Status {
      HEARTH_TRY(const std::int64_t parsed, parse_integer(text, min, max));
      value = static_cast<std::int32_t>(parsed);
      return {};
    });
  }
  void bind_number(const std::string& flag, auto& value, float min, float max, const std::string& help) {
    bind(flag, "X", help, [&value, min, max](const std::string& text) -> Status {
      HEARTH_TRY(const double parsed, parse_number(text, min, max));
      value = static_cast<float>(parsed);
      return {};
    });
  }
};

Flags::Flags(std::string_view command, std::string_view description, std::string_view examples)
    : impl_(std::make_unique<Impl>(command, description)) {
  if (!examples.empty()) impl_->app.footer("Examples:\n" + std::string(examples));
  impl_->app.get_formatter()->column_width(34);
  impl_->app.get_formatter()->label("OPTIONS", "FLAGS");
  impl_->app.get_formatter()->label("REQUIRED", "");
  impl_->app.set_help_flag("-h,--help", "Show this help");
}
Flags::~Flags() = default;

void Flags::argument(const std::string& name, std::string& value, const std::string& help) {
  impl_
      ->bind(name, "", help,
             [&value](const std::string& text) -> Status {
               value = text;
               return {};
             })
      ->required();
}

void Flags::argument(const std::string& name, std::optional<std::string>& value, const std::string& help) {
  impl_->bind(name, "", help, [&value](const std::string& text) -> Status {
    value = text;
    return {};
  });
}

void Flags::model(const std::string& name, std::string& value, const std::string& help) {
  argument(name, value, help);
  impl_->models.emplace_back([&value] { return &value; });
}

void Flags::model(const std::string& name, std::optional<std::string>& value, const std::string& help) {
  argument(name, value, help);
  impl_->models.emplace_back([&value] { return value ? &*value : nullptr; });
}

void Flags::model(const std::string& name, std::string& value, std::string& typed, const std::string& help) {
  argument(name, value, help);
  impl_->models.emplace_back([&value, &typed] {
    typed = value;
    return &value;
  });
}

void Flags::model(const std::string& name, std::optional<std::string>& value, std::string& typed,
                  const std::string& help) {
  argument(name, value, help);
  impl_->models.emplace_back([&value, &typed] {
    typed = value.value_or("");
    return value ? &*value : nullptr;
  });
}

std::vector<std::string*> Flags::models() const {
  std::vector<std::string*> given;
  for (const auto& get : impl_->models) {
    if (std::string* const value = get()) given.push_back(value);
  }
  return given;
}

void Flags::text(const std::string& flag, std::string& value, const std::string& placeholder, const std::string& help) {
  impl_->bind(flag, placeholder, help, [&value](const std::string& text) -> Status {
    value = text;
    return {};
  });
}

void Flags::texts(const std::string& flag, std::vector<std::string>& values, const std::string& placeholder,
                  const std::string& help) {
  impl_->app.add_option(flag, values, help)
      ->type_name(placeholder)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
}

void Flags::choice(const std::string& flag, std::string& value, std::vector<std::string> choices,
                   const std::string& help) {
  const std::string placeholder = fmt::format("{}", fmt::join(choices, "|"));
  impl_->bind(flag, placeholder, help, [&value, choices = std::move(choices)](const std::string& text) -> Status {
    if (std::ranges::find(choices, text) == choices.end()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("expected one of {}, found \"{}\"", fmt::join(choices, ", "), text));
    }
    value = text;
    return {};
  });
}

void Flags::count(const std::string& flag, std::size_t& value, std::size_t min, std::size_t max,
                  const std::string& help) {
  impl_->bind_count(flag, value, min, max, help);
}
void Flags::count(const std::string& flag, std::optional<std::size_t>& value, std::size_t min, std::size_t max,
                  const std::string& help) {
  impl_->bind_count(flag, value, min, max, help);
}

void Flags::counts(const std::string& flag, std::vector<std::size_t>& values, std::size_t min, std::size_t max,
                   const std::string& help) {
  impl_->bind(flag, "N,N,...", help, [&values, min, max](const std::string& text) -> Status {
    values.clear();
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t end = std::min(text.find(',', at), text.size());
      HEARTH_TRY(const std::uint64_t value, parse_count(std::string_view(text).substr(at, end - at), min, max));
      values.push_back(value);
      at = end + 1;
    }
    return {};
  });
}

void Flags::integer(const std::string& flag, std::int32_t& value, std::int32_t min, std::int32_t max,
                    const std::string& help) {
  impl_->bind_integer(flag, value, min, max, help);
}
void Flags::integer(const std::string& flag, std::optional<std::int32_t>& value, std::int32_t min, std::int32_t max,
                    const std::string& help) {
  impl_->bind_integer(flag, value, min, max, help);
}

void Flags::number(const std::string& flag, float& value, float min, float max, const std::string& help) {
  impl_->bind_number(flag, value, min, max, help);
}
void Flags::number(const std::string& flag, std::optional<float>& value, float min, float max,
                   const std::string& help) {
  impl_->bind_number(flag, value, min, max, help);
}

void Flags::toggle(const std::string& flag, bool& value, const std::string& help) {
  impl_->app.add_flag(flag, value, help);
}

Checked<std::optional<int>> Flags::parse(std::span<const char* const> arguments) {
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  const auto see_help = [&](std::string_view what) {
    return usage_error(fmt::format("{}; see `hearth {} --help`", what, impl_->command));
  };
  try {
    impl_->app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    HEARTH_CHECK(print(impl_->app.help()));
    return kOk;
  } catch (const CLI::ValidationError& error) {
    return see_help(error.what());
  } catch (const CLI::RequiredError& error) {
    return see_help(fmt::format("{} is missing",
                                std::string_view(error.what()).substr(0, std::string_view(error.what()).find(' '))));
  } catch (const CLI::ExtrasError&) {
    return see_help(unexpected_words(impl_->app));
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string_view what = error.what();
    const std::string_view flag = what.substr(0, what.find(':'));
    return see_help(what.find("At Most 1") == std::string_view::npos
                        ? fmt::format("{} needs a value", flag)
                        : fmt::format("{} is given more than once, expected once", flag));
  } catch (const CLI::ConversionError& error) {  // of toggles alone: values are parsed here
    const std::string_view what = error.what(), value = what.substr(std::min(what.find("--"), what.size()));
    return see_help(fmt::format("{} takes no value", value.substr(0, value.find(' '))));
  } catch (const CLI::ParseError& error) {
    return see_help(error.what());
  }
  return std::nullopt;
}

}  // namespace hearth::cli
