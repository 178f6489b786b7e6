// A growing array of plain values. Growth moves pages instead of copying where the allocator can, so that the
// peak is the array and not the array twice; that is all it does better than a vector.
//
// For one thread at a time.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

#include "core/result.h"

namespace sallyport::formats::pickle {

template <class T>
class Pile {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  Pile() = default;
  ~Pile() { std::free(data_); }
  Pile(Pile&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Pile& operator=(Pile&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  Pile(const Pile&) = delete;
  Pile& operator=(const Pile&) = delete;

  T* begin() { return data_; }
  const T* begin() const { return data_; }
  T* end() { return data_ + size_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  T& back() { return data_[size_ - 1]; }
  const T& back() const { return data_[size_ - 1]; }
  std::span<const T> from(std::size_t first) const { return {data_ + first, size_ - first}; }

  void reserve(std::size_t room) {
    if (room > capacity_) grow(room);
  }
  void push_back(T value) {
    if (size_ == capacity_) [[unlikely]]
      grow(size_ + 1);
    data_[size_++] = value;
  }
  void pop_back() { --size_; }
  void append(std::span<const T> values) {
    reserve(size_ + values.size());
    if (!values.empty()) std::memmove(data_ + size_, values.data(), values.size_bytes());
    size_ += values.size();
  }
  // Makes it longer, every new value being `value`.
  void extend(std::size_t size, T value) {
    reserve(size);
    std::fill(data_ + size_, data_ + size, value);
    size_ = size;
  }
  // For at most as many as there is room for; values between the old end and the new one must have been
  // written.
  void set_size(std::size_t size) { size_ = size; }

  std::size_t memory() const { return capacity_ * sizeof(T); }

 private:
  [[gnu::noinline]] void grow(std::size_t room) {
    constexpr std::size_t kSmallest = 64;
    const std::size_t capacity = std::max({room, capacity_ + capacity_ / 2, kSmallest});
    void* const grown = std::realloc(data_, capacity * sizeof(T));
    if (grown == nullptr) check_failed("memory for a pile", __FILE__, __LINE__);
    data_ = static_cast<T*>(grown);
    capacity_ = capacity;
  }

  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace sallyport::formats::pickle
