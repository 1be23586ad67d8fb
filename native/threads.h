// Threads that live as long as an engine, and wait without computing between calls.
#pragma once
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

// Where the members of a team wait for each other. A member spins for some microseconds, since the parts of
// a layer take little longer, and then sleeps: the other's core may be busy with another program.
class Barrier {
 public:
  explicit Barrier(int members) : members_(members) {}
  void wait();

 private:
  const int members_;
  std::atomic<int> arrived_{0};
  std::atomic<int> phase_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
};

// The place of one thread among those that share a piece of work.
struct Team {
  int rank = 0;
  int size = 1;
  Barrier* barrier = nullptr;

  // Wait until all members are here: what they wrote before can be read afterwards.
  void sync() const {
    if (size > 1) barrier->wait();
  }
  // This member's part of 0 … count: from first() to last() - 1.
  int first(int count) const { return static_cast<int>(static_cast<long>(count) * rank / size); }
  int last(int count) const { return static_cast<int>(static_cast<long>(count) * (rank + 1) / size); }
};

class Pool {
 public:
  explicit Pool(int threads) : threads_(threads) {}
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const { return threads_; }

  // Run work(rank) for the ranks 0 … members - 1, rank 0 on this thread; returns when all are done.
  // One call at a time. `members` is at most threads(). Threads start at their first use.
  void run(int members, const std::function<void(int)>& work);

 private:
  void serve(int rank);

  const int threads_;
  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable started_, finished_;
  const std::function<void(int)>* work_ = nullptr;
  int members_ = 0;
  int running_ = 0;
  long generation_ = 0;
  bool is_closing_ = false;
};
