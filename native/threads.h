// Threads that live as long as an engine, and wait without computing between calls.
#pragma once
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

// What the members of a team share: the step they are at, and which parts of it are taken.
//
// A step ends when all its parts are done, by whichever members are there. So a thread whose core is busy with
// another program delays the others only if it is stopped within a part.
class Steps {
 public:
  explicit Steps(int members) : members_(members), parts_(new Parts[members]) {}

  // Do what is left of a step of `count` parts, 1 or more: work(part) is called for the parts that this member
  // takes. Returns when the step has ended: what others wrote in it can be read then.
  template <class Work>
  void share(int rank, uint32_t step, uint32_t count, Work work) {
    const uint32_t most = std::max<uint32_t>(1, count / (members_ * 8));
    uint32_t first, last;
    while (take(rank, step, count, most, first, last)) {
      for (uint32_t part = first; part < last; part++) work(static_cast<int>(part));
      if (done_.fetch_add(last - first, std::memory_order_acq_rel) + last - first == count) end(step);
    }
    wait(step);
  }

  // Whether a member was stopped within a part for longer than a step of a small call takes.
  bool was_held_up() const { return was_held_up_; }

 private:
  // Of the parts that a member should take: the step in the upper half, the next part in the lower.
  struct alignas(64) Parts {
    std::atomic<uint64_t> next{0};
  };

  // Take up to `most` parts, from the others when this member's own are gone. The same member takes the same
  // parts of a product at each repetition, if all keep pace: they are in its core's cache.
  bool take(int rank, uint32_t step, uint32_t count, uint32_t most, uint32_t& first, uint32_t& last);
  void end(uint32_t step);
  void wait(uint32_t step);

  const int members_;
  std::unique_ptr<Parts[]> parts_;
  std::atomic<uint32_t> done_{0};     // parts of the present step
  std::atomic<uint32_t> present_{1};  // number of the present step
  std::mutex mutex_;
  std::condition_variable ended_;
  bool was_held_up_ = false;
};

// One thread's view of the steps. All members make the same calls of `share` in the same order; one that comes
// late finds the first steps ended and goes on from there.
class Team {
 public:
  Team() = default;  // a thread by itself
  Team(int rank, int size, Steps* steps) : rank_(rank), size_(size), steps_(steps) {}

  int rank() const { return rank_; }
  int size() const { return size_; }

  // Call work(part) for the parts 0 … count - 1, each by one member.
  template <class Work>
  void share(int count, Work work) {
    if (steps_ == nullptr) {
      for (int part = 0; part < count; part++) work(part);
    } else if (count > 0) {
      steps_->share(rank_, ++step_, static_cast<uint32_t>(count), work);
    }
  }

 private:
  int rank_ = 0, size_ = 1;
  Steps* steps_ = nullptr;
  uint32_t step_ = 0;
};

class Pool {
 public:
  explicit Pool(int threads) : threads_(threads) {}
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const { return threads_; }

  // Run work(rank) for rank 0 on this thread, and for those of the ranks 1 … members - 1 whose threads wake
  // before rank 0 is done: it must be able to do all by itself. Returns when all that began are done.
  // One call at a time. `members` is at most threads(). Threads start at their first use.
  void run(int members, const std::function<void(int)>& work);

 private:
  void serve(int rank);

  const int threads_;
  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable started_, finished_;
  const std::function<void(int)>* work_ = nullptr;  // null: rank 0 is done
  int members_ = 0;
  int running_ = 0;
  long generation_ = 0;
  bool is_closing_ = false;
};
