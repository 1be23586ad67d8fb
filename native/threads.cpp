#include "threads.h"

namespace {

constexpr int kSpins = 4000;  // some 40 µs

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

void Barrier::wait() {
  const int phase = phase_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == members_) {
    arrived_.store(0, std::memory_order_relaxed);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      phase_.store(phase + 1, std::memory_order_release);
    }
    changed_.notify_all();
    return;
  }
  for (int spin = 0; spin < kSpins; spin++) {
    if (phase_.load(std::memory_order_acquire) != phase) return;
    pause();
  }
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [&] { return phase_.load(std::memory_order_acquire) != phase; });
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
    running_ = members - 1;
    generation_++;
  }
  started_.notify_all();
  work(0);
  std::unique_lock<std::mutex> lock(mutex_);
  finished_.wait(lock, [this] { return running_ == 0; });
}

void Pool::serve(int rank) {
  long seen = 0;
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    started_.wait(lock, [&] { return is_closing_ || generation_ != seen; });
    if (is_closing_) return;
    seen = generation_;
    if (rank >= members_) continue;
    const std::function<void(int)>& work = *work_;
    lock.unlock();
    work(rank);
    lock.lock();
    if (--running_ == 0) finished_.notify_one();
  }
}
