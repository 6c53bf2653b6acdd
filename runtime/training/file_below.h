// Where a path that a model names leads: to something below given folders, or out of them.
#pragma once

#include <string>
#include <vector>

namespace tapeloop {

struct FileBelow {
  std::string path;        // of what is there, symbolic links followed; empty: nothing is
  bool leads_out = false;  // absolute, or it leaves a folder by .. or by a symbolic link
};

// The first of the folders ("": the current one) that has it decides. Finds regular files, and folders with `folders_too`.
FileBelow find_below(const std::string& written, const std::vector<std::string>& folders, bool folders_too = false);

}  // namespace tapeloop
