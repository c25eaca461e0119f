// Reading a schema document: every reachable subschema becomes a node, every keyword is enforced, known to be only an
// annotation, or refused.
#include "constrain/json_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>

#include "constrain/formats.h"
#include "constrain/limits.h"

namespace hearth::constrain {

namespace {

using Kind = JsonValue::Kind;
using Role = KeywordInfo::Kind;

constexpr std::array kKeywords = {
    KeywordInfo{Role::kEnforced, "type"},
    KeywordInfo{Role::kEnforced, "enum"},
    KeywordInfo{Role::kEnforced, "const"},
    KeywordInfo{Role::kEnforced, "minimum"},
    KeywordInfo{Role::kEnforced, "maximum"},
    KeywordInfo{Role::kEnforced, "exclusiveMinimum"},
    KeywordInfo{Role::kEnforced, "exclusiveMaximum"},
    KeywordInfo{Role::kEnforced, "multipleOf"},
    KeywordInfo{Role::kEnforced, "minLength"},
    KeywordInfo{Role::kEnforced, "maxLength"},
    KeywordInfo{Role::kEnforced, "pattern"},
    KeywordInfo{Role::kEnforced, "format"},
    KeywordInfo{Role::kEnforced, "items"},
    KeywordInfo{Role::kEnforced, "prefixItems"},
    KeywordInfo{Role::kEnforced, "minItems"},
    KeywordInfo{Role::kEnforced, "maxItems"},
    KeywordInfo{Role::kEnforced, "properties"},
    KeywordInfo{Role::kEnforced, "required"},
    KeywordInfo{Role::kEnforced, "additionalProperties"},
    KeywordInfo{Role::kEnforced, "minProperties"},
    KeywordInfo{Role::kEnforced, "maxProperties"},
    KeywordInfo{Role::kEnforced, "allOf"},
    KeywordInfo{Role::kEnforced, "anyOf"},
    KeywordInfo{Role::kEnforced, "oneOf"},
    KeywordInfo{Role::kEnforced, "$ref"},
    KeywordInfo{Role::kEnforced, "$defs"},
    KeywordInfo{Role::kEnforced, "definitions"},
    KeywordInfo{Role::kEnforced, "$anchor"},
    KeywordInfo{Role::kAnnotation, "$schema"},
    KeywordInfo{Role::kAnnotation, "$id"},
    KeywordInfo{Role::kAnnotation, "$comment"},
    KeywordInfo{Role::kAnnotation, "title"},
    KeywordInfo{Role::kAnnotation, "description"},
    KeywordInfo{Role::kAnnotation, "default"},
    KeywordInfo{Role::kAnnotation, "examples"},
    KeywordInfo{Role::kAnnotation, "deprecated"},
    KeywordInfo{Role::kAnnotation, "readOnly"},
    KeywordInfo{Role::kAnnotation, "writeOnly"},
    KeywordInfo{Role::kAnnotation, "contentEncoding"},
    KeywordInfo{Role::kAnnotation, "contentMediaType"},
    KeywordInfo{Role::kAnnotation, "contentSchema"},
    KeywordInfo{Role::kUnsupported, "not"},
    KeywordInfo{Role::kUnsupported, "if"},
    KeywordInfo{Role::kUnsupported, "then"},
    KeywordInfo{Role::kUnsupported, "else"},
    KeywordInfo{Role::kUnsupported, "contains"},
    KeywordInfo{Role::kUnsupported, "minContains"},
    KeywordInfo{Role::kUnsupported, "maxContains"},
    KeywordInfo{Role::kUnsupported, "uniqueItems"},
    KeywordInfo{Role::kUnsupported, "additionalItems"},
    KeywordInfo{Role::kUnsupported, "patternProperties"},
    KeywordInfo{Role::kUnsupported, "propertyNames"},
    KeywordInfo{Role::kUnsupported, "dependencies"},
    KeywordInfo{Role::kUnsupported, "dependentRequired"},
    KeywordInfo{Role::kUnsupported, "dependentSchemas"},
    KeywordInfo{Role::kUnsupported, "unevaluatedItems"},
    KeywordInfo{Role::kUnsupported, "unevaluatedProperties"},
    KeywordInfo{Role::kUnsupported, "$dynamicRef"},
    KeywordInfo{Role::kUnsupported, "$dynamicAnchor"},
    KeywordInfo{Role::kUnsupported, "$recursiveRef"},
    KeywordInfo{Role::kUnsupported, "$recursiveAnchor"},
    KeywordInfo{Role::kUnsupported, "$vocabulary"},
};

struct TypeName {
  std::string_view name;
  TypeSet types;
};
constexpr std::array kTypeNames = {TypeName{"null", kNullType},      TypeName{"boolean", kBooleanType},
                                   TypeName{"object", kObjectType},  TypeName{"array", kArrayType},
                                   TypeName{"string", kStringType},  TypeName{"number", kNumberType | kIntegerType},
                                   TypeName{"integer", kIntegerType}};

std::string escaped_step(std::string_view name) {
  std::string out = "/";
  for (const char c : name) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

std::unexpected<Error> refuse(ErrorCode code, std::string_view pointer, std::string_view keyword,
                              std::string_view what) {
  return fail(code, fmt::format("reading the JSON Schema: \"{}\" at {}: {}", keyword,
                                pointer.empty() ? "the root" : pointer, what));
}

}  // namespace

class SchemaReader {
 public:
  explicit SchemaReader(const JsonValue& document) : document_(document) {}

  Result<std::shared_ptr<const JsonSchema>> run() {
    HEARTH_TRY(const SchemaId root, node_of(document_, ""));
    static_cast<void>(root);
    find_anchors(document_, "", 0);
    while (!pending_.empty()) {
      const Pending next = pending_.back();
      pending_.pop_back();
      HEARTH_CHECK(read(next));
    }
    HEARTH_CHECK(check_references());
    return std::shared_ptr<const JsonSchema>(std::move(schema_));
  }

 private:
  struct Pending {
    const JsonValue* json;
    SchemaId id;
  };
  struct Target {
    const JsonValue* json;
    std::string pointer;
  };

  SchemaNode& node(SchemaId id) { return schema_->nodes_[id]; }

  Result<SchemaId> node_of(const JsonValue& json, std::string pointer) {
    if (const auto known = ids_.find(&json); known != ids_.end()) return known->second;
    if (schema_->nodes_.size() >= kMaxSchemaNodes) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("reading the JSON Schema: it has more than {} subschemas", kMaxSchemaNodes));
    }
    const auto id = static_cast<SchemaId>(schema_->nodes_.size());
    schema_->nodes_.emplace_back();
    node(id).pointer = std::move(pointer);
    ids_.emplace(&json, id);
    pending_.push_back({&json, id});
    return id;
  }

  Status read(const Pending& at) {
    const std::string pointer = node(at.id).pointer;
    if (at.json->is(Kind::kTrue)) return {};
    if (at.json->is(Kind::kFalse)) {
      node(at.id).never = true;
      return {};
    }
    if (!at.json->is(Kind::kObject)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("reading the JSON Schema: {} must be an object, true or false, but is a {}",
                              pointer.empty() ? "the root" : pointer, json_kind_name(at.json->kind)));
    }
    for (const auto& [name, value] : at.json->members) {
      if (at.json->find(name) != &value) return bad(pointer, name, "it stands there twice");
      HEARTH_CHECK(keyword(at.id, pointer, name, value));
    }
    return {};
  }

  static std::unexpected<Error> bad(std::string_view pointer, std::string_view name, std::string_view what) {
    return refuse(ErrorCode::kInvalidArgument, pointer, name, what);
  }
  static std::unexpected<Error> unsupported(std::string_view pointer, std::string_view name, std::string_view what) {
    return refuse(ErrorCode::kUnsupportedConstraint, pointer, name, what);
  }

  Status keyword(SchemaId id, const std::string& pointer, const std::string& name, const JsonValue& value) {
    const auto info = std::ranges::find(kKeywords, std::string_view(name), &KeywordInfo::name);
    if (info == kKeywords.end()) {
      return unsupported(pointer, name, "this keyword is not known; remove it, or keep remarks in $comment");
    }
    if (info->kind == Role::kUnsupported) {
      if (name == "uniqueItems" && value.is(Kind::kFalse)) return {};
      return unsupported(pointer, name, "this keyword is not supported");
    }
    if (info->kind == Role::kAnnotation) return annotation(pointer, name, value);
    if (name == "type") return types(id, pointer, value);
    if (name == "enum" || name == "const") return values(id, pointer, name, value);
    if (name == "pattern" || name == "format") return text(id, pointer, name, value);
    if (name == "$ref") return reference(id, pointer, value);
    if (name == "$defs" || name == "definitions" || name == "$anchor") return {};
    if (name == "required") return required(id, pointer, value);
    if (name == "properties") return properties(id, pointer, value);
    if (name == "items" || name == "additionalProperties") {
      if (name == "items" && value.is(Kind::kArray))
        return unsupported(pointer, name, "a list is not supported; write prefixItems");
      HEARTH_TRY(const SchemaId child, node_of(value, pointer + escaped_step(name)));
      (name == "items" ? node(id).items : node(id).additional) = child;
      return {};
    }
    if (name == "prefixItems" || name.ends_with("Of")) {
      if (name != "multipleOf") return list(id, pointer, name, value);
    }
    return number(id, pointer, name, value);
  }

  Status annotation(const std::string& pointer, const std::string& name, const JsonValue& value) {
    if (name == "$id") {
      if (!pointer.empty()) return unsupported(pointer, name, "a subschema with its own $id is not supported");
      if (!value.is(Kind::kString)) return bad(pointer, name, "it must be a string");
      return {};
    }
    if (name != "$schema") return {};
    static constexpr std::array kDrafts = {"json-schema.org/draft/2020-12/schema",
                                           "json-schema.org/draft/2019-09/schema", "json-schema.org/draft-07/schema"};
    for (const std::string_view draft : kDrafts) {
      std::string_view text = value.text;
      if (text.starts_with("https://")) text.remove_prefix(8);
      if (text.starts_with("http://")) text.remove_prefix(7);
      if (text.ends_with('#')) text.remove_suffix(1);
      if (text == draft) return {};
    }
    return unsupported(pointer, name,
                       fmt::format("the dialect \"{}\" is not supported; use draft 2020-12", value.text));
  }

  Status types(SchemaId id, const std::string& pointer, const JsonValue& value) {
    TypeSet set = 0;
    const auto add = [&](const JsonValue& name) {
      const auto known = std::ranges::find(kTypeNames, std::string_view(name.text), &TypeName::name);
      if (!name.is(Kind::kString) || known == kTypeNames.end()) return false;
      set |= known->types;
      return true;
    };
    const bool good = value.is(Kind::kArray) ? std::ranges::all_of(value.items, add) : add(value);
    if (!good || set == 0)
      return bad(pointer, "type", "one or more of null, boolean, object, array, string, number, integer were expected");
    node(id).types = set;
    return {};
  }

  Status values(SchemaId id, const std::string& pointer, const std::string& name, const JsonValue& value) {
    if (name == "const") {
      node(id).constant = value;
      return {};
    }
    if (!value.is(Kind::kArray)) return bad(pointer, name, "it must be a list of values");
    node(id).values = value.items;
    return {};
  }

  Status text(SchemaId id, const std::string& pointer, const std::string& name, const JsonValue& value) {
    if (!value.is(Kind::kString)) return bad(pointer, name, "it must be a string");
    const auto place = [&](Error error) {
      return std::move(error).within(
          fmt::format("reading the JSON Schema: \"{}\" at {}", name, pointer.empty() ? "the root" : pointer));
    };
    if (name == "pattern") {
      auto nfa = parse_pattern(value.text, PatternScope::kSearch);
      if (!nfa) return std::unexpected(place(std::move(nfa).error()));
      node(id).pattern = std::make_shared<const CharNfa>(std::move(*nfa));
      return {};
    }
    const auto known = std::ranges::find(format_table(), std::string_view(value.text), &FormatInfo::name);
    if (known == format_table().end())
      return unsupported(pointer, name, fmt::format("the format \"{}\" is not supported", value.text));
    std::shared_ptr<const Format>& format = formats_[value.text];
    if (!format) {
      HEARTH_TRY(CharNfa whole, parse_pattern(known->pattern, PatternScope::kWhole));
      HEARTH_TRY(CharNfa generated,
                 parse_pattern(known->generated.empty() ? known->pattern : known->generated, PatternScope::kWhole));
      format = std::make_shared<const Format>(Format{std::move(whole), std::move(generated), known->also});
    }
    node(id).format = format;
    return {};
  }

  Status required(SchemaId id, const std::string& pointer, const JsonValue& value) {
    if (!value.is(Kind::kArray)) return bad(pointer, "required", "it must be a list of names");
    for (const JsonValue& name : value.items) {
      if (!name.is(Kind::kString)) return bad(pointer, "required", "it must be a list of names");
      if (std::ranges::find(node(id).required, name.text) == node(id).required.end())
        node(id).required.push_back(name.text);
    }
    return {};
  }

  Status properties(SchemaId id, const std::string& pointer, const JsonValue& value) {
    if (!value.is(Kind::kObject)) return bad(pointer, "properties", "it must be an object of schemas");
    for (const auto& [name, json] : value.members) {
      HEARTH_TRY(const SchemaId child, node_of(json, pointer + "/properties" + escaped_step(name)));
      if (!node(id).property_by_name.emplace(name, child).second)
        return bad(pointer + "/properties", name, "it stands there twice");
      node(id).properties.emplace_back(name, child);
    }
    return {};
  }

  Status list(SchemaId id, const std::string& pointer, const std::string& name, const JsonValue& value) {
    if (!value.is(Kind::kArray) || value.items.empty()) return bad(pointer, name, "it must be a list of schemas");
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      HEARTH_TRY(const SchemaId child, node_of(value.items[i], fmt::format("{}/{}/{}", pointer, name, i)));
      SchemaNode& at = node(id);
      (name == "prefixItems" ? at.prefix_items
       : name == "allOf"     ? at.all_of
       : name == "anyOf"     ? at.any_of
                             : at.one_of)
          .push_back(child);
    }
    return {};
  }

  Status number(SchemaId id, const std::string& pointer, const std::string& name, const JsonValue& value) {
    if (!value.is(Kind::kNumber)) return bad(pointer, name, "it must be a number");
    SchemaNode& at = node(id);
    const std::array<std::pair<std::string_view, std::optional<Decimal>*>, 4> bounds = {
        {{"minimum", &at.minimum},
         {"maximum", &at.maximum},
         {"exclusiveMinimum", &at.above},
         {"exclusiveMaximum", &at.below}}};
    for (const auto& [bound, field] : bounds)
      if (bound == name) *field = value.number;
    if (name == "multipleOf") {
      if (value.number.is_zero() || value.number.negative()) return bad(pointer, name, "it must be above zero");
      if (value.number.digits().size() > 18) return unsupported(pointer, name, "more than 18 digits are not supported");
      at.multiple_of = value.number;
    }
    const std::array<std::pair<std::string_view, std::optional<std::uint64_t>*>, 6> counts = {
        {{"minLength", &at.min_length},
         {"maxLength", &at.max_length},
         {"minItems", &at.min_items},
         {"maxItems", &at.max_items},
         {"minProperties", &at.min_properties},
         {"maxProperties", &at.max_properties}}};
    for (const auto& [count, field] : counts) {
      if (count != name) continue;
      *field = value.number.as_count();
      if (!*field) return bad(pointer, name, "it must be a whole number from 0 to 10^19");
    }
    return {};
  }

  Status reference(SchemaId id, const std::string& pointer, const JsonValue& value) {
    if (!value.is(Kind::kString)) return bad(pointer, "$ref", "it must be a string");
    std::string_view target = value.text;
    const JsonValue* base = document_.is(Kind::kObject) ? document_.find("$id") : nullptr;
    if (base != nullptr && base->is(Kind::kString) && !target.starts_with('#')) {
      std::string_view own = base->text;
      if (own.ends_with('#')) own.remove_suffix(1);
      if (!own.empty() && target.starts_with(own) && (target.size() == own.size() || target[own.size()] == '#'))
        target.remove_prefix(own.size());
    }
    if (!target.empty() && !target.starts_with('#'))
      return unsupported(pointer, "$ref", fmt::format("\"{}\" is another document, which is not fetched", value.text));
    if (!target.empty()) target.remove_prefix(1);
    HEARTH_TRY(const Target found, resolve(pointer, target));
    HEARTH_TRY(const SchemaId child, node_of(*found.json, found.pointer));
    node(id).all_of.push_back(child);
    return {};
  }

  Result<Target> resolve(const std::string& pointer, std::string_view fragment) {
    if (fragment.empty()) return Target{&document_, ""};
    std::string path;
    for (std::size_t i = 0; i < fragment.size(); ++i) {
      unsigned code = 0;
      if (fragment[i] == '%' && i + 2 < fragment.size() &&
          std::from_chars(fragment.data() + i + 1, fragment.data() + i + 3, code, 16).ptr == fragment.data() + i + 3) {
        path += static_cast<char>(code);
        i += 2;
      } else {
        path += fragment[i];
      }
    }
    if (path[0] != '/') {
      const auto anchor = anchors_.find(path);
      if (anchor == anchors_.end()) return bad(pointer, "$ref", fmt::format("there is no anchor \"{}\"", path));
      return anchor->second;
    }
    const JsonValue* at = &document_;
    for (std::size_t i = 1; i <= path.size();) {
      const std::size_t end = std::min(path.find('/', i), path.size());
      at = step(*at, path.substr(i, end - i));
      if (at == nullptr) return bad(pointer, "$ref", fmt::format("nothing stands at \"#{}\"", path));
      if (end < path.size() && at->is(Kind::kObject) && at->find("$id") != nullptr &&
          at->find("$id")->is(Kind::kString))
        return unsupported(pointer, "$ref", "a way through a subschema with its own $id is not supported");
      i = end + 1;
    }
    return Target{at, path};
  }

  static const JsonValue* step(const JsonValue& at, std::string name) {
    for (std::size_t i = 0; (i = name.find('~', i)) != std::string::npos; ++i)
      name.replace(i, 2, i + 1 < name.size() && name[i + 1] == '1' ? "/" : "~");
    if (at.is(Kind::kObject)) return at.find(name);
    if (!at.is(Kind::kArray)) return nullptr;
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
    if (error != std::errc() || end != name.data() + name.size() || index >= at.items.size()) return nullptr;
    return &at.items[index];
  }

  /// Anchors of all subschemas of this document, not of what only looks like one (in enum, const, examples).
  void find_anchors(const JsonValue& json, const std::string& pointer, int depth) {
    if (!json.is(Kind::kObject) || depth > kMaxNesting) return;
    if (!pointer.empty() && json.find("$id") != nullptr) return;
    static constexpr std::array kMaps = {"$defs", "definitions", "properties", "patternProperties", "dependentSchemas"};
    static constexpr std::array kLists = {"allOf", "anyOf", "oneOf", "prefixItems"};
    static constexpr std::array kOnes = {"items",
                                         "additionalProperties",
                                         "not",
                                         "if",
                                         "then",
                                         "else",
                                         "contains",
                                         "propertyNames",
                                         "unevaluatedItems",
                                         "unevaluatedProperties"};
    for (const char* keyword : {"$anchor", "$dynamicAnchor"})
      if (const JsonValue* anchor = json.find(keyword); anchor != nullptr && anchor->is(Kind::kString))
        anchors_.emplace(anchor->text, Target{&json, pointer});
    for (const auto& [name, value] : json.members) {
      const std::string below = pointer + escaped_step(name);
      if (std::ranges::find(kMaps, std::string_view(name)) != kMaps.end())
        for (const auto& [key, child] : value.members) find_anchors(child, below + escaped_step(key), depth + 1);
      if (std::ranges::find(kLists, std::string_view(name)) != kLists.end())
        for (std::size_t i = 0; i < value.items.size(); ++i)
          find_anchors(value.items[i], fmt::format("{}/{}", below, i), depth + 1);
      if (std::ranges::find(kOnes, std::string_view(name)) != kOnes.end()) find_anchors(value, below, depth + 1);
    }
  }

  /// A schema that applies itself to the same instance would never be decided.
  Status check_references() {
    enum : std::uint8_t { kNew, kOpen, kClosed };
    std::vector<std::uint8_t> colour(schema_->nodes_.size(), kNew);
    std::vector<std::pair<SchemaId, std::size_t>> path;
    for (SchemaId root = 0; root < colour.size(); ++root) {
      if (colour[root] != kNew) continue;
      path.emplace_back(root, 0);
      colour[root] = kOpen;
      while (!path.empty()) {
        auto& [id, next] = path.back();
        const SchemaNode& at = node(id);
        const std::size_t i = next++;
        const std::size_t n_all = at.all_of.size(), n_any = at.any_of.size();
        if (i >= n_all + n_any + at.one_of.size()) {
          colour[id] = kClosed;
          path.pop_back();
          continue;
        }
        const SchemaId child = i < n_all           ? at.all_of[i]
                               : i < n_all + n_any ? at.any_of[i - n_all]
                                                   : at.one_of[i - n_all - n_any];
        if (colour[child] == kOpen)
          return bad(node(child).pointer, "$ref", "it leads back here without going into the instance");
        if (colour[child] != kNew) continue;
        colour[child] = kOpen;
        path.emplace_back(child, 0);
      }
    }
    return {};
  }

  const JsonValue& document_;
  std::shared_ptr<JsonSchema> schema_ = std::make_shared<JsonSchema>();
  std::unordered_map<const JsonValue*, SchemaId> ids_;
  std::unordered_map<std::string, Target> anchors_;
  std::unordered_map<std::string, std::shared_ptr<const Format>> formats_;
  std::vector<Pending> pending_;
};

Result<std::shared_ptr<const JsonSchema>> JsonSchema::parse(std::string_view text) {
  auto document = parse_json(text, kMaxNesting);
  if (!document) return std::unexpected(std::move(document).error().within("reading the JSON Schema"));
  return SchemaReader(*document).run();
}

std::span<const KeywordInfo> known_keywords() {
  return kKeywords;
}

std::vector<std::string_view> known_formats() {
  std::vector<std::string_view> names;
  for (const FormatInfo& format : format_table()) names.push_back(format.name);
  return names;
}

}  // namespace hearth::constrain
