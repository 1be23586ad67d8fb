// Memory for vectors: 64-byte aligned, so that no load crosses a cache line.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>

#include <sys/mman.h>

// Pages of this size are asked for where the system has them on request (Linux). A large matrix is read from its
// first to its last word again and again; with pages of 4 KB the processor looks up each of them anew.
constexpr size_t kLargePage = 2 << 20;

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
    const size_t size = (count * sizeof(T) + 63) / 64 * 64;
    void* memory = nullptr;
    if (posix_memalign(&memory, size < kLargePage ? 64 : kLargePage, size) != 0) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
    if (size >= kLargePage) madvise(memory, size, MADV_HUGEPAGE);
#endif
    data_ = static_cast<T*>(memory);
    count_ = count;
    std::memset(memory, 0, size);  // padding that is read must be numbers
  }

  T* data() const { return data_; }
  T& operator[](size_t index) const { return data_[index]; }

 private:
  T* data_ = nullptr;
  size_t count_ = 0;
};
