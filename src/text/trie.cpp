// The tree is laid out from the sorted strings, so that edges come in order without a map per node.
#include "text/trie.h"

#include <algorithm>

namespace hearth::text {
namespace {

constexpr std::uint32_t kNone = 0xFFFFFFFF;

/// A node while the tree grows: children as a list, the newest (and greatest) last.
struct Growing {
  std::uint32_t first_child = kNone, last_child = kNone, next_sibling = kNone;
  unsigned char byte = 0;
};

}  // namespace

Trie::Trie(const std::vector<TrieEntry>& entries) {
  std::vector<const TrieEntry*> sorted;
  for (const TrieEntry& entry : entries) {
    if (!entry.text.empty()) sorted.push_back(&entry);
  }
  std::ranges::sort(sorted, [](const TrieEntry* a, const TrieEntry* b) {
    const int order = a->text.compare(b->text);
    return order != 0 ? order < 0 : a < b;  // equal ones in their order: the first is kept
  });
  std::vector<Growing> nodes(1);
  values_.push_back(-1);
  std::vector<std::uint32_t> path{0};  // nodes along the previous string
  std::string_view previous;
  for (const TrieEntry* entry : sorted) {
    const std::string_view text = entry->text;
    const auto [here, there] = std::ranges::mismatch(text, previous);
    const auto shared = static_cast<std::size_t>(here - text.begin());
    path.resize(shared + 1);
    for (std::size_t i = shared; i < text.size(); ++i) {
      const auto node = static_cast<std::uint32_t>(nodes.size());
      Growing& parent = nodes[path.back()];
      (parent.first_child == kNone ? parent.first_child : nodes[parent.last_child].next_sibling) = node;
      nodes[path.back()].last_child = node;
      nodes.push_back({kNone, kNone, kNone, static_cast<unsigned char>(text[i])});
      values_.push_back(-1);
      path.push_back(node);
    }
    if (values_[path.back()] < 0) values_[path.back()] = entry->value;
    previous = text;
  }
  first_edge_.reserve(nodes.size() + 1);
  for (const Growing& node : nodes) {
    first_edge_.push_back(static_cast<std::uint32_t>(edge_nodes_.size()));
    for (std::uint32_t at = node.first_child; at != kNone; at = nodes[at].next_sibling) {
      edge_bytes_.push_back(nodes[at].byte);
      edge_nodes_.push_back(at);
    }
  }
  first_edge_.push_back(static_cast<std::uint32_t>(edge_nodes_.size()));
  root_.assign(256, 0);
  for (std::uint32_t edge = 0; edge < first_edge_[1]; ++edge) root_[edge_bytes_[edge]] = edge_nodes_[edge];
}

std::uint32_t Trie::child(std::uint32_t node, unsigned char byte) const {
  if (node == 0) return root_.empty() ? 0 : root_[byte];
  const auto first = edge_bytes_.begin() + first_edge_[node];
  const auto last = edge_bytes_.begin() + first_edge_[node + 1];
  const auto found = last - first < 8 ? std::find(first, last, byte) : std::lower_bound(first, last, byte);
  return found != last && *found == byte ? edge_nodes_[static_cast<std::size_t>(found - edge_bytes_.begin())] : 0;
}

StringMatcher::StringMatcher(const std::vector<TrieEntry>& entries) {
  std::vector<std::string> backwards;
  backwards.reserve(entries.size());
  for (const TrieEntry& entry : entries) backwards.emplace_back(entry.text.rbegin(), entry.text.rend());
  std::vector<TrieEntry> reversed;
  reversed.reserve(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) reversed.push_back({backwards[i], entries[i].value});
  trie_ = Trie(reversed);
  // Breadth first, so that the node to fall back to is complete before those that fall back to it.
  nodes_.resize(trie_.n_nodes());
  std::vector<std::uint32_t> level{0};
  for (std::uint32_t depth = 1; !level.empty(); ++depth) {
    std::vector<std::uint32_t> next;
    for (const std::uint32_t node : level) {
      for (std::uint32_t edge = trie_.edge_begin(node); edge < trie_.edge_begin(node + 1); ++edge) {
        const unsigned char byte = trie_.edge_byte(edge);
        const std::uint32_t to = trie_.edge_node(edge);
        std::uint32_t back = nodes_[node].fail;
        while (back != 0 && trie_.child(back, byte) == 0) back = nodes_[back].fail;
        const std::uint32_t fail = node == 0 ? 0 : trie_.child(back, byte);
        nodes_[to] = {fail, nodes_[fail].value, nodes_[fail].n_bytes};
        if (trie_.value(to) >= 0) nodes_[to] = {fail, trie_.value(to), depth};
        next.push_back(to);
      }
    }
    level = std::move(next);
  }
}

std::vector<StringMatcher::Hit> StringMatcher::hits_from_the_end(std::string_view text) const {
  std::vector<Hit> hits;
  if (empty()) return hits;
  std::uint32_t at = 0;
  for (std::size_t pos = text.size(); pos-- > 0;) {
    const auto byte = static_cast<unsigned char>(text[pos]);
    std::uint32_t next = trie_.child(at, byte);
    while (next == 0 && at != 0) {
      at = nodes_[at].fail;
      next = trie_.child(at, byte);
    }
    at = next;
    if (nodes_[at].n_bytes > 0) hits.push_back({pos, pos + nodes_[at].n_bytes, nodes_[at].value});
  }
  return hits;
}

}  // namespace hearth::text
