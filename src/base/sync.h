// A mutex that owns what it guards: the data can be reached only while the lock is held.
#pragma once

#include <mutex>
#include <utility>

namespace readygate {

template <typename T>
class Sync {
 public:
  class Locked {
   public:
    explicit Locked(Sync& sync) : lock_(sync.mutex_), data_(sync.data_) {}
    T* operator->() { return &data_; }
    T& operator*() { return data_; }
    std::unique_lock<std::mutex>& lock() { return lock_; }  // for a condition variable

   private:
    std::unique_lock<std::mutex> lock_;
    T& data_;
  };

  Sync() = default;
  explicit Sync(T data) : data_(std::move(data)) {}
  Locked lock() { return Locked(*this); }

 private:
  std::mutex mutex_;
  T data_;
};

}  // namespace readygate
