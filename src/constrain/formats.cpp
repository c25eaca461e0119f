// Patterns of RFC 3339 (dates, times, durations), 5321 (mail), 1123 (hosts), 2673 and 4291 (addresses), 3986 (URIs),
// 6901 (JSON pointers) and 9562 (UUIDs).
#include "constrain/formats.h"

#include <array>

namespace hearth::constrain {

namespace {

bool at_most_253(std::string_view text) {
  return text.size() <= 253;
}
bool at_most_254(std::string_view text) {
  return text.size() <= 254;
}

/// A second 60 belongs to the last minute of a day in UTC. `text` ends in HH:MM:SS[.f]Z or HH:MM:SS[.f]+HH:MM.
bool leap_second_is_utc(std::string_view text) {
  const std::size_t at = text.find(":60");
  const std::size_t zone = text.find_last_of("zZ+-");
  if (at == std::string_view::npos || at + 3 > zone || at < 5) return true;
  const auto number = [&](std::size_t i) { return (text[i] - '0') * 10 + (text[i + 1] - '0'); };
  int minutes = number(at - 5) * 60 + number(at - 2);
  if (text[zone] == '+' || text[zone] == '-') {
    const int offset = number(zone + 1) * 60 + number(zone + 4);
    minutes += text[zone] == '+' ? -offset : offset;
  }
  constexpr int kDay = 24 * 60;
  return (minutes + kDay) % kDay == kDay - 1;
}

#define HEARTH_DATE                                                                                                 \
  "(?:\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|" \
  "2[0-8]))|(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)"
#define HEARTH_OFFSET "(?:[zZ]|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)"
#define HEARTH_TIME "(?:[01]\\d|2[0-3]):[0-5]\\d:(?:[0-5]\\d|60)(?:\\.\\d+)?" HEARTH_OFFSET
#define HEARTH_USUAL_TIME "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?" HEARTH_OFFSET
#define HEARTH_OCTET "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)"
#define HEARTH_IPV4 "(?:" HEARTH_OCTET "\\.){3}" HEARTH_OCTET
#define HEARTH_H16 "[0-9A-Fa-f]{1,4}"
#define HEARTH_LS32 "(?:" HEARTH_H16 ":" HEARTH_H16 "|" HEARTH_IPV4 ")"
#define HEARTH_IPV6                                                                                       \
  "(?:(?:" HEARTH_H16 ":){6}" HEARTH_LS32 "|::(?:" HEARTH_H16 ":){5}" HEARTH_LS32 "|(?:" HEARTH_H16       \
  ")?::(?:" HEARTH_H16 ":){4}" HEARTH_LS32 "|(?:(?:" HEARTH_H16 ":){0,1}" HEARTH_H16 ")?::(?:" HEARTH_H16 \
  ":){3}" HEARTH_LS32 "|(?:(?:" HEARTH_H16 ":){0,2}" HEARTH_H16 ")?::(?:" HEARTH_H16 ":){2}" HEARTH_LS32  \
  "|(?:(?:" HEARTH_H16 ":){0,3}" HEARTH_H16 ")?::" HEARTH_H16 ":" HEARTH_LS32 "|(?:(?:" HEARTH_H16        \
  ":){0,4}" HEARTH_H16 ")?::" HEARTH_LS32 "|(?:(?:" HEARTH_H16 ":){0,5}" HEARTH_H16 ")?::" HEARTH_H16     \
  "|(?:(?:" HEARTH_H16 ":){0,6}" HEARTH_H16 ")?::)"
#define HEARTH_ALNUM "[0-9A-Za-z]"
#define HEARTH_INNER "[0-9A-Za-z-]"
// Up to 63 characters, no hyphen at the ends nor in third and fourth place (those are encoded names, which no pattern
// can check).
#define HEARTH_LABEL                                                                                \
  HEARTH_ALNUM "(?:" HEARTH_INNER "?" HEARTH_ALNUM "|" HEARTH_INNER "(?:" HEARTH_ALNUM HEARTH_INNER \
               "{0,59}" HEARTH_ALNUM "|-" HEARTH_ALNUM "(?:" HEARTH_INNER "{0,58}" HEARTH_ALNUM ")?))?"
#define HEARTH_NAME HEARTH_LABEL "(?:\\." HEARTH_LABEL ")*"
#define HEARTH_SHORT_LABEL "[0-9A-Za-z]{1,20}(?:-[0-9A-Za-z]{1,20})?"
#define HEARTH_SHORT_NAME HEARTH_SHORT_LABEL "(?:\\." HEARTH_SHORT_LABEL "){0,2}"
#define HEARTH_ATOM "[0-9A-Za-z!#$%&'*+/=?^_`{|}~-]+"
#define HEARTH_PCHAR "(?:[0-9A-Za-z._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
#define HEARTH_USER "(?:(?:[0-9A-Za-z._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*@)?"
#define HEARTH_HOST "(?:\\[" HEARTH_IPV6 "\\]|(?:[0-9A-Za-z._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)"

constexpr std::array kFormats = {
    FormatInfo{"date", HEARTH_DATE},
    FormatInfo{"time", HEARTH_TIME, HEARTH_USUAL_TIME, leap_second_is_utc},
    FormatInfo{"date-time", HEARTH_DATE "[tT]" HEARTH_TIME, HEARTH_DATE "[tT]" HEARTH_USUAL_TIME, leap_second_is_utc},
    FormatInfo{"duration",
               "P(?:\\d+W|(?:\\d+Y(?:\\d+M(?:\\d+D)?)?|\\d+M(?:\\d+D)?|\\d+D)(?:T(?:\\d+H(?:\\d+M(?:\\d+S)?)?|\\d+M(?:"
               "\\d+S)?|\\d+S))?|T(?:\\d+H(?:\\d+M(?:\\d+S)?)?|\\d+M(?:\\d+S)?|\\d+S))"},
    FormatInfo{"email",
               "(?:" HEARTH_ATOM "(?:\\." HEARTH_ATOM ")*|\"(?:[ !#-\\[\\]-~]|\\\\[ -~])*\")@(?:" HEARTH_NAME
               "|\\[(?:" HEARTH_IPV4 "|IPv6:" HEARTH_IPV6 ")\\])",
               HEARTH_ATOM "(?:\\." HEARTH_ATOM ")*@" HEARTH_SHORT_NAME, at_most_254},
    FormatInfo{"hostname", HEARTH_NAME, HEARTH_SHORT_NAME, at_most_253},
    FormatInfo{"ipv4", HEARTH_IPV4},
    FormatInfo{"ipv6", HEARTH_IPV6},
    FormatInfo{"uuid", "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"},
    FormatInfo{"uri", "[A-Za-z][0-9A-Za-z+.-]*:(?://" HEARTH_USER HEARTH_HOST "(?::\\d*)?(?:/" HEARTH_PCHAR
                      "*)*|/(?:" HEARTH_PCHAR "+(?:/" HEARTH_PCHAR "*)*)?|" HEARTH_PCHAR "+(?:/" HEARTH_PCHAR
                      "*)*|)(?:\\?(?:" HEARTH_PCHAR "|[/?])*)?(?:#(?:" HEARTH_PCHAR "|[/?])*)?"},
    FormatInfo{"json-pointer", "(?:/(?:[^~/]|~[01])*)*"},
    FormatInfo{"relative-json-pointer", "(?:0|[1-9]\\d*)(?:#|(?:/(?:[^~/]|~[01])*)*)"},
};

#undef HEARTH_DATE
#undef HEARTH_OFFSET
#undef HEARTH_TIME
#undef HEARTH_OCTET
#undef HEARTH_IPV4
#undef HEARTH_H16
#undef HEARTH_LS32
#undef HEARTH_IPV6
#undef HEARTH_ALNUM
#undef HEARTH_INNER
#undef HEARTH_LABEL
#undef HEARTH_NAME
#undef HEARTH_SHORT_LABEL
#undef HEARTH_SHORT_NAME
#undef HEARTH_USUAL_TIME
#undef HEARTH_ATOM
#undef HEARTH_PCHAR
#undef HEARTH_USER
#undef HEARTH_HOST

}  // namespace

std::span<const FormatInfo> format_table() {
  return kFormats;
}

}  // namespace hearth::constrain
