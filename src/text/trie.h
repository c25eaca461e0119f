// Many strings as one tree of their common beginnings, and the search for all of them at once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::text {

struct TrieEntry {
  std::string_view text;  // must outlive the construction only
  std::int32_t value = 0;
};

/// A byte tree; node 0 is the root. Of entries with equal text the first is kept; empty ones are left out.
class Trie {
 public:
  Trie() = default;
  explicit Trie(const std::vector<TrieEntry>& entries);

  [[nodiscard]] std::size_t n_nodes() const { return values_.size(); }
  /// The node one byte further, or 0.
  [[nodiscard]] std::uint32_t child(std::uint32_t node, unsigned char byte) const;
  /// The value of the string that ends at `node`, or -1.
  [[nodiscard]] std::int32_t value(std::uint32_t node) const { return values_[node]; }

  /// The edges of a node are edge_begin(node) to edge_begin(node + 1), by ascending byte.
  [[nodiscard]] std::uint32_t edge_begin(std::uint32_t node) const { return first_edge_[node]; }
  [[nodiscard]] unsigned char edge_byte(std::uint32_t edge) const { return edge_bytes_[edge]; }
  [[nodiscard]] std::uint32_t edge_node(std::uint32_t edge) const { return edge_nodes_[edge]; }

 private:
  std::vector<std::int32_t> values_;
  std::vector<std::uint32_t> first_edge_;  // [n_nodes + 1]
  std::vector<unsigned char> edge_bytes_;
  std::vector<std::uint32_t> edge_nodes_;
  std::vector<std::uint32_t> root_;  // [256]
};

/// Finds the longest of a fixed set of strings at every place of a text, in time linear in the text: an Aho-Corasick
/// automaton over the strings read backwards, run from the end of the text.
class StringMatcher {
 public:
  struct Hit {
    std::size_t begin = 0, end = 0;
    std::int32_t value = 0;
  };
  StringMatcher() = default;
  explicit StringMatcher(const std::vector<TrieEntry>& entries);

  [[nodiscard]] bool empty() const { return trie_.n_nodes() <= 1; }
  /// The longest string at each place where one begins, by descending begin. They may overlap.
  [[nodiscard]] std::vector<Hit> hits_from_the_end(std::string_view text) const;

 private:
  struct Node {
    std::uint32_t fail = 0;
    std::int32_t value = -1;    // the longest string that ends (read backwards) here
    std::uint32_t n_bytes = 0;  // its length; 0: none
  };
  Trie trie_;
  std::vector<Node> nodes_;
};

}  // namespace hearth::text
