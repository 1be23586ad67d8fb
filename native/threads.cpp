#include "threads.h"

#include <chrono>

namespace {

constexpr int kSpins = 4000;  // some 40 µs: the parts of a step take little longer
constexpr std::chrono::microseconds kHeldUp(500);

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

bool Steps::take(int rank, uint32_t step, uint32_t count, uint32_t most, uint32_t& first, uint32_t& last) {
  for (int turn = 0; turn < members_; turn++) {
    const uint64_t member = (rank + turn) % members_;
    const uint32_t begin = static_cast<uint32_t>(count * member / members_);
    const uint32_t end = static_cast<uint32_t>(count * (member + 1) / members_);
    uint64_t next = parts_[member].next.load(std::memory_order_acquire);
    while (true) {
      const uint32_t its_step = static_cast<uint32_t>(next >> 32);
      if (its_step > step) return false;  // this member came late, and the step has ended
      first = its_step == step ? static_cast<uint32_t>(next) : begin;
      if (first >= end) break;
      last = std::min(end, first + most);
      const uint64_t taken = static_cast<uint64_t>(step) << 32 | last;
      if (parts_[member].next.compare_exchange_weak(next, taken, std::memory_order_acq_rel)) return true;
    }
  }
  return false;
}

void Steps::end(uint32_t step) {
  done_.store(0, std::memory_order_relaxed);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    present_.store(step + 1, std::memory_order_release);
  }
  ended_.notify_all();
}

void Steps::wait(uint32_t step) {
  const auto has_ended = [&] { return present_.load(std::memory_order_acquire) > step; };
  for (int spin = 0; spin < kSpins; spin++) {
    if (has_ended()) return;
    pause();
  }
  std::unique_lock<std::mutex> lock(mutex_);
  if (ended_.wait_for(lock, kHeldUp, has_ended)) return;
  was_held_up_ = true;
  ended_.wait(lock, has_ended);
}

Pool::~Pool() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    is_closing_ = true;
  }
  started_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void Pool::run(int members, const std::function<void(int)>& work) {
  if (members <= 1) {
    work(0);
    return;
  }
  while (static_cast<int>(workers_.size()) < threads_ - 1) {
    const int rank = static_cast<int>(workers_.size()) + 1;
    workers_.emplace_back([this, rank] { serve(rank); });
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    work_ = &work;
    members_ = members;
    generation_++;
  }
  started_.notify_all();
#ifdef ALBERTKIT_SHARE_SMALL_WORK
  std::this_thread::sleep_for(std::chrono::microseconds(50));  // else this thread would be done before others wake
#endif
  work(0);
  std::unique_lock<std::mutex> lock(mutex_);
  work_ = nullptr;
  finished_.wait(lock, [this] { return running_ == 0; });
}

void Pool::serve(int rank) {
  long seen = 0;
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    started_.wait(lock, [&] { return is_closing_ || (work_ != nullptr && generation_ != seen); });
    if (is_closing_) return;
    seen = generation_;
    if (rank >= members_) continue;
    const std::function<void(int)>& work = *work_;
    running_++;
    lock.unlock();
    work(rank);
    lock.lock();
    if (--running_ == 0) finished_.notify_one();
  }
}
