// A disk that loses its power: what may be on it then, as far as POSIX promises. Bytes that were not synced may be there, in part or not at
// all; so may each change of a name since the folder was synced, whatever became of the others.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/faults/file_system.h"

namespace tapeloop::faults {

using Files = std::map<std::string, std::string>;  // by path; all in one folder

class Disk {
 public:
  explicit Disk(const Files& files);

  void apply(const Operation& operation);
  // After a loss of power now, in each way there is.
  std::vector<Files> after_power_loss() const;

 private:
  using File = std::size_t;  // index of files_
  struct Content {
    std::string bytes;
    std::size_t synced = 0;
  };
  struct Change {
    std::string gone;     // a name, or ""
    std::string appears;  // a name, or "", of:
    File file = 0;
  };
  static void apply(const Change& change, std::map<std::string, File>& names);
  void change(const Change& change);
  Files read(const std::map<std::string, File>& names, double part) const;

  std::vector<Content> files_;
  std::map<std::string, File> names_;   // as programs see them
  std::map<std::string, File> synced_;  // as they were when the folder was synced last
  std::vector<Change> changes_;         // since then
};

}  // namespace tapeloop::faults
