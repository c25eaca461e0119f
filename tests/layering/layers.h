// The one-way layers as a function: sources and cmake/layers.txt in, forbidden edges out.
#pragma once

#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "layering/source_tree.h"

namespace hearth::testing {

using Layers = std::map<std::string, int, std::less<>>;  // folder -> level

inline Layers parse_layers(const std::string& text) {
  Layers layers;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream fields(line);
    int level = 0;
    std::string folder;
    fields >> level >> folder;
    layers[folder] = level;
  }
  return layers;
}

/// The folder of layers.txt in which a repository path lies.
inline std::optional<std::string> folder_of(const Layers& layers, std::string_view path) {
  for (const auto& [folder, level] : layers) {
    if (lies_in(path, folder)) return folder;
  }
  return std::nullopt;
}

struct Include {
  std::string target;
  bool quoted = false;
  int line = 0;
};

inline std::vector<Include> includes_of(std::string_view text) {
  std::vector<Include> includes;
  int line_number = 0;
  for (std::string_view line : lines_of(text)) {
    ++line_number;
    const auto skip_spaces = [&] { line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size())); };
    skip_spaces();
    if (!line.starts_with('#')) continue;
    line.remove_prefix(1);
    skip_spaces();
    if (!line.starts_with("include")) continue;
    line.remove_prefix(7);
    skip_spaces();
    if (line.empty() || (line[0] != '"' && line[0] != '<')) continue;
    const bool quoted = line[0] == '"';
    line.remove_prefix(1);
    includes.push_back({std::string(line.substr(0, line.find(quoted ? '"' : '>'))), quoted, line_number});
  }
  return includes;
}

/// One sentence per include that leads upward, sideways or to no folder of the house.
inline std::vector<std::string> forbidden_includes(const Layers& layers, const std::vector<SourceFile>& files) {
  std::vector<std::string> faults;
  for (const SourceFile& file : files) {
    const auto at = [&](const Include& include) { return file.path + ":" + std::to_string(include.line) + ": "; };
    const std::optional<std::string> from = folder_of(layers, file.path);
    if (!from) {
      faults.push_back(file.path + ": lies in no folder of cmake/layers.txt");
      continue;
    }
    for (const Include& include : includes_of(file.text)) {
      std::optional<std::string> to = folder_of(layers, "src/" + include.target);
      if (!to) to = folder_of(layers, "include/" + include.target);
      if (!to) to = folder_of(layers, include.target);
      if (!to) {
        if (include.quoted)
          faults.push_back(at(include) + "\"" + include.target + "\" names no folder of cmake/layers.txt");
        continue;
      }
      if (*to == *from) continue;
      const int from_level = layers.find(*from)->second;
      const int to_level = layers.find(*to)->second;
      if (to_level < from_level) continue;
      faults.push_back(at(include) + *from + " [" + std::to_string(from_level) + "] includes " + *to + " [" +
                       std::to_string(to_level) + "], which is " + (to_level == from_level ? "its equal" : "above it"));
    }
  }
  return faults;
}

}  // namespace hearth::testing
