// The memo of an unpickler: dense where indices are, sparse where an attacker scatters them.
//
// For one thread at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "formats/pickle_pile.h"

namespace sallyport::formats::pickle {

// `kAbsent` is a Symbol that no value has.
template <class Symbol, Symbol kAbsent>
class Memo {
 public:
  // Answers whether the entry was free.
  bool put(std::uint64_t index, Symbol value) {
    if (put_in_place(index, value)) return true;
    if (index < dense_.size()) {
      dense_[static_cast<std::size_t>(index)] = value;
      return false;
    }
    const bool is_new = sparse_.insert_or_assign(index, value).second;
    count_ += is_new;
    return is_new;
  }
  // The common case of put: a free entry close to the others. False, and nothing done, when it is any other.
  bool put_in_place(std::uint64_t index, Symbol value) {
    if (index >= dense_.size()) [[unlikely]] {
      // Room grows with the number of entries, never with the indices that a stream picks.
      if (index > count_ * 2 + kDenseStart) return false;
      grow(std::max(static_cast<std::size_t>(index) + 1, dense_.size() + dense_.size() / 2));
    }
    Symbol& entry = dense_[static_cast<std::size_t>(index)];
    if (entry != kAbsent) return false;
    entry = value;
    ++count_;
    return true;
  }
  const Symbol* get(std::uint64_t index) const {
    if (index < dense_.size()) {
      const Symbol& entry = dense_[static_cast<std::size_t>(index)];
      return entry == kAbsent ? nullptr : &entry;
    }
    if (sparse_.empty()) return nullptr;
    const auto found = sparse_.find(index);
    return found == sparse_.end() ? nullptr : &found->second;
  }

  // Indices beyond 64 bits, which only Python's own unpickler takes.
  void put_huge(const std::string& digits, Symbol value) {
    if (huge_.insert_or_assign(digits, value).second) {
      ++count_;
      huge_bytes_ += digits.size();
    }
  }
  const Symbol* get_huge(const std::string& digits) const {
    const auto found = huge_.find(digits);
    return found == huge_.end() ? nullptr : &found->second;
  }

  // The number of entries, which is where MEMOIZE puts the next one.
  std::uint64_t count() const { return count_; }
  std::size_t memory() const {
    constexpr std::size_t kNodeBytes = 64;
    return dense_.memory() + (sparse_.size() + huge_.size()) * kNodeBytes + huge_bytes_;
  }

 private:
  static constexpr std::size_t kDenseStart = 1024;

  // Scattered entries that the dense part has grown over move into it.
  [[gnu::noinline]] void grow(std::size_t size) {
    dense_.extend(size, kAbsent);
    for (auto entry = sparse_.begin(); entry != sparse_.end();) {
      if (entry->first >= size) {
        ++entry;
        continue;
      }
      dense_[static_cast<std::size_t>(entry->first)] = entry->second;
      entry = sparse_.erase(entry);
    }
  }

  Pile<Symbol> dense_;
  std::unordered_map<std::uint64_t, Symbol> sparse_;
  std::unordered_map<std::string, Symbol> huge_;
  std::size_t huge_bytes_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace sallyport::formats::pickle
