// Memory for vectors: 64-byte aligned, so that no load crosses a cache line.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>

// `count` values, uninitialised unless `zeroed`; grows, and never shrinks.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(size_t count) { reserve(count); }
  Buffer(Buffer&& other) noexcept : data_(other.data_), count_(other.count_) {
    other.data_ = nullptr;
    other.count_ = 0;
  }
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { std::free(data_); }

  // Make room for `count` values; the values from before are lost if the memory moves.
  void reserve(size_t count) {
    if (count <= count_) return;
    std::free(data_);
    data_ = nullptr;
    count_ = 0;
    void* memory = nullptr;
    if (posix_memalign(&memory, 64, (count * sizeof(T) + 63) / 64 * 64) != 0) throw std::bad_alloc();
    data_ = static_cast<T*>(memory);
    count_ = count;
    std::memset(memory, 0, count * sizeof(T));  // padding that is read must be numbers
  }

  T* data() const { return data_; }
  T& operator[](size_t index) const { return data_[index]; }

 private:
  T* data_ = nullptr;
  size_t count_ = 0;
};
