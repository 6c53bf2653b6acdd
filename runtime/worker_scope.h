// What a thread must be set to while it runs a plan, and is put back to afterwards.
#pragma once

namespace tapeloop {

// Denormals count as zero: a decaying state makes products a hundred times slower otherwise.
class WorkerScope {
 public:
  WorkerScope();
  ~WorkerScope();
  WorkerScope(const WorkerScope&) = delete;
  WorkerScope& operator=(const WorkerScope&) = delete;

 private:
  [[maybe_unused]] unsigned saved_control_ = 0;
};

}  // namespace tapeloop
