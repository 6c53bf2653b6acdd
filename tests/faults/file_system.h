// A file system that fails on demand: open, read, write, fsync, close, link, rename, unlink and mkdir of this program stand in front of the
// library's, and count.
#pragma once

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

}  // namespace tapeloop::faults
