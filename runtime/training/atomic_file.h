// Files that are either the old ones or the new ones, whole, whatever happens while they are written.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace tapeloop {

// The file system said no (the command line exits with 4), or a file of ours is not what it should be.
class FileError : public std::runtime_error {
 public:
  FileError(std::string_view code, const std::string& path, const std::string& what, const std::string& help = {});
  const std::string& code() const { return code_; }  // "E0902"
  const std::string& path() const { return path_; }

 private:
  std::string code_;
  std::string path_;
};

enum class Previous { kDrop, kKeep };  // kKeep: the file as it was is left beside it as PATH.prev

// Writes a temporary file beside `path`, makes sure it is on the disk, renames it to `path`, and brings that to the disk, too. If anything
// fails the old file is as it was and the temporary one is gone; but if it is the very last of this, the new file stands there, whole, and
// a loss of power may bring the old one back. Throws FileError E0902 with the system's reason.
void write_file_atomically(const std::string& path, std::string_view bytes, Previous previous = Previous::kDrop);

// The whole file. Throws FileError E0903 (cannot be read, not a file) or E0904 (more than `most` bytes).
std::string read_whole_file(const std::string& path, std::uint64_t most = std::uint64_t{1} << 32);

// Removes temporary files of processes that were killed while they wrote.
void remove_left_over(const std::string& folder);

// Makes a folder and those above it; E0902 if that fails.
void make_folders(const std::string& path);

}  // namespace tapeloop
