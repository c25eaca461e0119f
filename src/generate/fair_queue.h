// A bounded queue in which every principal gets its turn, however much another has put in.
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace hearth::generate {

/// Takes from the principals in turn, and from each in the order of arrival.
template <typename T>
class FairQueue {
 public:
  void push(std::string_view principal, T item) {
    line_of(principal).items.push_back(std::move(item));
    ++size_;
  }
  /// Before everything else of this principal, and its turn comes next.
  void push_front(std::string_view principal, T item) {
    Line& line = line_of(principal);
    line.items.push_front(std::move(item));
    ++size_;
    for (auto it = lines_.begin(); it != lines_.end(); ++it) {
      if (&*it == &line) return lines_.splice(lines_.begin(), lines_, it);
    }
  }
  std::optional<T> pop() {
    if (lines_.empty()) return std::nullopt;
    T item = std::move(lines_.front().items.front());
    lines_.front().items.pop_front();
    --size_;
    if (lines_.front().items.empty()) {
      lines_.pop_front();
    } else {
      lines_.splice(lines_.end(), lines_, lines_.begin());
    }
    return item;
  }
  /// Takes out what `wanted` says true to, in no particular order.
  template <typename Wanted>
  std::deque<T> take_if(const Wanted& wanted) {
    std::deque<T> taken;
    for (auto line = lines_.begin(); line != lines_.end();) {
      std::deque<T> left;
      for (T& item : line->items) (wanted(item) ? taken : left).push_back(std::move(item));
      line->items = std::move(left);
      line = line->items.empty() ? lines_.erase(line) : std::next(line);
    }
    size_ -= taken.size();
    return taken;
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t size_of(std::string_view principal) const {
    for (const Line& line : lines_) {
      if (line.principal == principal) return line.items.size();
    }
    return 0;
  }
  [[nodiscard]] bool empty() const { return size_ == 0; }

 private:
  struct Line {
    std::string principal;
    std::deque<T> items;
  };
  Line& line_of(std::string_view principal) {
    for (Line& line : lines_) {
      if (line.principal == principal) return line;
    }
    return lines_.emplace_back(std::string(principal), std::deque<T>());
  }
  std::list<Line> lines_;  // never an empty one; the front has its turn
  std::size_t size_ = 0;
};

}  // namespace hearth::generate
