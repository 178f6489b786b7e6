// The memo of an unpickler: dense where indices are, sparse where an attacker scatters them.
//
// For one thread at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace sallyport::formats::pickle {

template <class Symbol>
class Memo {
 public:
  void put(std::uint64_t index, Symbol value) {
    if (index >= dense_.size()) {
      // Room grows with the number of entries, never with the indices that a stream picks.
      if (index > count_ * 2 + kDenseStart) {
        if (sparse_.insert_or_assign(index, value).second) ++count_;
        return;
      }
      grow(std::max(static_cast<std::size_t>(index) + 1, dense_.size() * 2));
    }
    const auto at = static_cast<std::size_t>(index);
    dense_[at] = value;
    count_ += present_[at] == 0;
    present_[at] = 1;
  }
  const Symbol* get(std::uint64_t index) const {
    if (index < dense_.size() && present_[static_cast<std::size_t>(index)] != 0) {
      return &dense_[static_cast<std::size_t>(index)];
    }
    if (sparse_.empty()) return nullptr;
    const auto found = sparse_.find(index);
    return found == sparse_.end() ? nullptr : &found->second;
  }

  // Indices beyond 64 bits, which only Python's own unpickler takes.
  void put_huge(const std::string& digits, Symbol value) {
    if (huge_.insert_or_assign(digits, value).second) ++count_;
  }
  const Symbol* get_huge(const std::string& digits) const {
    const auto found = huge_.find(digits);
    return found == huge_.end() ? nullptr : &found->second;
  }

  // The number of entries, which is where MEMOIZE puts the next one.
  std::uint64_t count() const { return count_; }
  std::size_t memory() const {
    constexpr std::size_t kNodeBytes = 64;
    return dense_.capacity() * sizeof(Symbol) + present_.capacity() +
           (sparse_.size() + huge_.size()) * kNodeBytes;
  }

 private:
  static constexpr std::size_t kDenseStart = 1024;

  // Scattered entries that the dense part has grown over move into it.
  void grow(std::size_t size) {
    dense_.resize(size);
    present_.resize(size);
    for (auto entry = sparse_.begin(); entry != sparse_.end();) {
      if (entry->first >= size) {
        ++entry;
        continue;
      }
      dense_[static_cast<std::size_t>(entry->first)] = entry->second;
      present_[static_cast<std::size_t>(entry->first)] = 1;
      entry = sparse_.erase(entry);
    }
  }

  std::vector<Symbol> dense_;
  std::vector<std::uint8_t> present_;
  std::unordered_map<std::uint64_t, Symbol> sparse_;
  std::unordered_map<std::string, Symbol> huge_;
  std::uint64_t count_ = 0;
};

}  // namespace sallyport::formats::pickle
