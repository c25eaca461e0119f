// strftime with English names, whatever the system's language is.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "text/jinja/evaluator.h"

namespace hearth::text::jinja {

namespace {

constexpr std::array<std::string_view, 12> kMonths = {"January",   "February", "March",    "April",
                                                      "May",       "June",     "July",     "August",
                                                      "September", "October",  "November", "December"};
constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};

bool is_leap(int year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int day_of_year(const LocalTime& time) {  // from 1
  static constexpr std::array<int, 12> kBefore = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  return kBefore[static_cast<std::size_t>(time.month - 1)] + time.day + (time.month > 2 && is_leap(time.year) ? 1 : 0);
}

int weekday(const LocalTime& time) {  // Sunday is 0; Sakamoto's method
  static constexpr std::array<int, 12> kShift = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};
  const int year = time.month < 3 ? time.year - 1 : time.year;
  return (year + year / 4 - year / 100 + year / 400 + kShift[static_cast<std::size_t>(time.month - 1)] + time.day) % 7;
}

/// The ISO week and the year it belongs to.
std::pair<int, int> iso_week(const LocalTime& time) {
  const int monday_based = (weekday(time) + 6) % 7;
  int year = time.year, week = (day_of_year(time) - monday_based + 9) / 7;
  const auto weeks_in = [](int of_year) {
    const auto dec_31 = [](int y) { return (y + y / 4 - y / 100 + y / 400) % 7; };
    return dec_31(of_year) == 4 || dec_31(of_year - 1) == 3 ? 53 : 52;
  };
  if (week < 1) week = weeks_in(--year);
  if (week > weeks_in(year)) {
    week = 1;
    ++year;
  }
  return {year, week};
}

/// A number with the padding that the directive has or its flag asks for ("-": none, "_": spaces, "0": zeros).
std::string number(int value, int width, char flag, char usual = '0') {
  if (flag == '-') return fmt::format("{}", value);
  const char pad = flag == '_' ? ' ' : (flag == '0' ? '0' : usual);
  return pad == '0' ? fmt::format("{:0{}}", value, width) : fmt::format("{:{}}", value, width);
}

std::string directive(const LocalTime& time, char letter, char flag) {
  const int hour_12 = time.hour % 12 == 0 ? 12 : time.hour % 12;
  switch (letter) {
    case 'Y': return number(time.year, 4, flag);
    case 'C': return number(time.year / 100, 2, flag);
    case 'y': return number(time.year % 100, 2, flag);
    case 'm': return number(time.month, 2, flag);
    case 'd': return number(time.day, 2, flag);
    case 'e': return number(time.day, 2, flag, ' ');
    case 'H': return number(time.hour, 2, flag);
    case 'k': return number(time.hour, 2, flag, ' ');
    case 'I': return number(hour_12, 2, flag);
    case 'l': return number(hour_12, 2, flag, ' ');
    case 'M': return number(time.minute, 2, flag);
    case 'S': return number(time.second, 2, flag);
    case 'f': return "000000";
    case 'j': return number(day_of_year(time), 3, flag);
    case 'u': return number(weekday(time) == 0 ? 7 : weekday(time), 1, flag);
    case 'w': return number(weekday(time), 1, flag);
    case 'U': return number((day_of_year(time) + 6 - weekday(time)) / 7, 2, flag);
    case 'W': return number((day_of_year(time) + 6 - (weekday(time) + 6) % 7) / 7, 2, flag);
    case 'G': return number(iso_week(time).first, 4, flag);
    case 'g': return number(iso_week(time).first % 100, 2, flag);
    case 'V': return number(iso_week(time).second, 2, flag);
    case 'B': return std::string(kMonths[static_cast<std::size_t>(time.month - 1)]);
    case 'b':
    case 'h': return std::string(kMonths[static_cast<std::size_t>(time.month - 1)].substr(0, 3));
    case 'A': return std::string(kDays[static_cast<std::size_t>(weekday(time))]);
    case 'a': return std::string(kDays[static_cast<std::size_t>(weekday(time))].substr(0, 3));
    case 'p': return time.hour < 12 ? "AM" : "PM";
    case 'P': return time.hour < 12 ? "am" : "pm";
    case 'n': return "\n";
    case 't': return "\t";
    case '%': return "%";
    case 'z':
    case 'Z': return "";  // a moment without a zone, as Python's datetime.now() has it
    case 'D':
    case 'x': return format_time(time, "%m/%d/%y");
    case 'F': return format_time(time, "%Y-%m-%d");
    case 'R': return format_time(time, "%H:%M");
    case 'T':
    case 'X': return format_time(time, "%H:%M:%S");
    case 'r': return format_time(time, "%I:%M:%S %p");
    case 'c': return format_time(time, "%a %b %e %H:%M:%S %Y");
    default: return std::string{'%', letter};
  }
}

}  // namespace

std::string format_time(const LocalTime& time, std::string_view format) {
  constexpr std::size_t kLongest = 4096;
  if (format.size() > kLongest) throw_runtime("strftime_now(): the format is too long");
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      out += format[i];
      continue;
    }
    char flag = '\0';
    if (std::string_view("-_0^").find(format[i + 1]) != std::string_view::npos && i + 2 < format.size())
      flag = format[++i];
    std::string part = directive(time, format[++i], flag);
    if (flag == '^')
      std::ranges::transform(part, part.begin(), [](char c) { return c >= 'a' && c <= 'z' ? c - 32 : c; });
    out += part;
  }
  return out;
}

}  // namespace hearth::text::jinja
