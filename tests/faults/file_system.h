// A file system that fails on demand: open, read, write, fsync, close, link, rename, unlink and mkdir of this program stand in front of the
// library's, count, and write down what is done.
#pragma once

#include <string>
#include <vector>

namespace tapeloop::faults {

struct Fault {
  int call = 0;          // the first that fails, from 1; 0: none
  bool forever = false;  // and all after it
  int error = 0;         // errno; 0: reads and writes are only cut short, all else works
};

// From here on. Calls are counted from 1 again.
void arm(const Fault& fault);
// What was counted since; nothing fails any more.
int disarm();

struct Operation {
  enum class Kind { kCreate, kWrite, kSync, kLink, kRename, kUnlink };
  Kind kind = Kind::kWrite;
  std::string path;     // of a file that was made here, or of a folder for kSync
  std::string to = {};  // of a link or rename
  std::string bytes = {};
};

void start_writing_down();
std::vector<Operation> stop_writing_down();

// What `work` does to files and did not fail, in its order. REQUIRES: one thread
template <class Work>
std::vector<Operation> operations_of(const Work& work) {
  start_writing_down();
  work();
  return stop_writing_down();
}

}  // namespace tapeloop::faults
