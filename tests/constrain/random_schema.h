// Random schemas of the supported keywords, as people and as nobody would write them.
#pragma once

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

namespace hearth::testing {

class RandomSchema {
 public:
  using Json = nlohmann::ordered_json;
  explicit RandomSchema(std::mt19937& random) : random_(random) {}

  Json make() {
    Json schema = value(3);
    if (!schema.is_object()) return schema;
    if (n_refs_ > 0) {
      Json defs = Json::object();
      for (const char* name : {"a", "b"}) {
        in_definition_ = true;
        defs[name] = value(2);
      }
      schema["$defs"] = std::move(defs);
    }
    return schema;
  }

 private:
  std::size_t below(std::size_t n) { return random_() % n; }
  bool chance(std::size_t percent) { return below(100) < percent; }
  template <typename T>
  T pick(std::initializer_list<T> list) {
    return *(list.begin() + below(list.size()));
  }

  Json value(int depth) {
    switch (below(depth > 0 ? 14 : 6)) {
      case 0:
        return {{"type", pick<const char*>({"boolean", "null", "string", "number", "integer", "object", "array"})}};
      case 1:
      case 2: return number();
      case 3:
      case 4: return string();
      case 5: return listed();
      case 6:
      case 7: return array(depth);
      case 8:
      case 9:
      case 10: return object(depth);
      case 11: return combined(depth);
      case 12: return reference();
      default: {
        Json schema = Json::object();
        schema["type"] = Json::array({"null", pick<const char*>({"string", "integer", "object", "array"})});
        return schema;
      }
    }
  }

  Json bound() {
    switch (below(4)) {
      case 0: return static_cast<int>(below(200)) - 100;
      case 1: return static_cast<double>(static_cast<int>(below(20000)) - 10000) / 100;
      case 2: return pick<long long>({0, 1, -1, 10, 99, 100, 1000, 9999999999, 123456789012345});
      default: return static_cast<double>(static_cast<int>(below(2000)) - 1000) / 8;
    }
  }

  Json number() {
    Json schema = {{"type", chance(50) ? "integer" : "number"}};
    if (chance(60)) schema[chance(70) ? "minimum" : "exclusiveMinimum"] = bound();
    if (chance(60)) schema[chance(70) ? "maximum" : "exclusiveMaximum"] = bound();
    if (chance(20)) schema["multipleOf"] = pick<double>({1, 2, 3, 7, 10, 0.5, 0.01, 0.25, 100, 12, 1.5});
    return schema;
  }

  Json string() {
    Json schema = {{"type", "string"}};
    if (chance(30)) {
      schema["pattern"] = pick<const char*>({"^[a-z]+$", "ab", "^(x|yz){2,5}$", "[0-9]{3}", "^\\d{4}-\\d{2}$", "a.c$",
                                             "^[^\"\\\\]*$", "\"", "^$|^.{3}$", "^\\p{Lu}", "\\\\n?", "(a|b)*c"});
    } else if (chance(20)) {
      schema["format"] = pick<const char*>({"date", "time", "date-time", "uuid", "ipv4", "ipv6", "email", "hostname",
                                            "duration", "uri", "json-pointer", "relative-json-pointer"});
      return schema;
    }
    if (chance(40)) schema["minLength"] = below(6);
    if (chance(40)) schema["maxLength"] = below(12) + 1;
    return schema;
  }

  Json listed() {
    static const std::vector<Json> values = {1,
                                             1.5,
                                             -3,
                                             "a",
                                             "b",
                                             "a b\n\"q\"",
                                             "",
                                             nullptr,
                                             true,
                                             false,
                                             Json::array({1, "x"}),
                                             Json::object({{"k", 1}}),
                                             "\xC3\xA9",
                                             1e20,
                                             100};
    if (chance(40)) return {{"const", values[below(values.size())]}};
    Json list = Json::array();
    for (std::size_t i = 0; i <= below(5); ++i) list.push_back(values[below(values.size())]);
    return {{"enum", std::move(list)}};
  }

  Json array(int depth) {
    Json schema = {{"type", "array"}};
    if (chance(70)) schema["items"] = chance(10) ? Json(false) : value(depth - 1);
    if (chance(30)) {
      Json prefix = Json::array();
      for (std::size_t i = 0; i <= below(3); ++i) prefix.push_back(value(depth - 1));
      schema["prefixItems"] = std::move(prefix);
    }
    if (chance(40)) schema["minItems"] = below(4);
    if (chance(40)) schema["maxItems"] = below(5) + 1;
    return schema;
  }

  Json object(int depth) {
    Json schema = {{"type", "object"}};
    static const std::vector<const char*> names = {"a", "b", "ab", "name", "x y", "q\"", "", "\xC3\xA9", "tags", "n\n"};
    Json properties = Json::object();
    for (std::size_t i = 0; i < below(5); ++i) properties[names[below(names.size())]] = value(depth - 1);
    Json required = Json::array();
    for (const auto& [name, child] : properties.items())
      if (chance(50)) required.push_back(name);
    if (chance(10)) required.push_back(names[below(names.size())]);
    if (!properties.empty()) schema["properties"] = properties;
    if (!required.empty()) schema["required"] = required;
    if (chance(50))
      schema["additionalProperties"] = chance(40) ? Json(false) : chance(30) ? Json(true) : value(depth - 1);
    if (chance(20)) schema["minProperties"] = below(4);
    if (chance(20)) schema["maxProperties"] = below(4) + 1;
    return schema;
  }

  Json combined(int depth) {
    const char* keyword = pick<const char*>({"anyOf", "allOf", "oneOf"});
    Json list = Json::array();
    for (std::size_t i = 0; i <= below(3); ++i) list.push_back(value(depth - 1));
    Json schema = {{keyword, std::move(list)}};
    if (chance(30)) schema["minLength"] = below(4);
    if (chance(30)) schema["maximum"] = bound();
    if (chance(20)) schema["required"] = Json::array({"a"});
    return schema;
  }

  Json reference() {
    ++n_refs_;
    // From inside a definition only through an object, so that recursion can end.
    if (in_definition_) {
      return {{"type", "object"}, {"properties", {{"next", {{"$ref", "#/$defs/a"}}}, {"v", {{"$ref", "#/$defs/b"}}}}}};
    }
    return {{"$ref", pick<const char*>({"#/$defs/a", "#/$defs/b"})}};
  }

  std::mt19937& random_;
  int n_refs_ = 0;
  bool in_definition_ = false;
};

}  // namespace hearth::testing
