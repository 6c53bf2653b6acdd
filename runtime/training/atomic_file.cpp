#include "runtime/training/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace tapeloop {
namespace {

// A file descriptor that is closed when it goes out of scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  // The result of close counts: some file systems report a full disk only here.
  bool close() {
    const int result = ::close(fd_);
    fd_ = -1;
    return result == 0 || errno == EINTR;  // it is closed then, too
  }

 private:
  int fd_;
};

[[noreturn]] void fail_to_write(const std::string& path, const char* doing) {
  const std::string reason = std::strerror(errno);
  throw FileError("E0902", path, std::string("cannot ") + doing + ": " + reason);
}

// Again as long as a signal comes between.
template <class Call>
auto uninterrupted(const Call& call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = uninterrupted([&] { return ::write(fd, bytes.data(), bytes.size()); });
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// Removes the temporary file unless it has become the real one.
struct Temporary {
  std::string path;
  bool kept = false;
  ~Temporary() {
    if (!kept) ::unlink(path.c_str());
  }
};

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

constexpr const char* kPrevious = ".prev";
constexpr std::string_view kTemporary = ".tmp.";

std::string temporary_name(const std::string& path, const std::string& folder) {
  return folder + "/." + std::filesystem::path(path).filename().string() + std::string(kTemporary) + std::to_string(::getpid());
}

// Under a name of its own first: there is a previous file at every moment.
void keep_previous(const std::string& path, const std::string& folder) {
  Temporary second{temporary_name(path + kPrevious, folder)};
  ::unlink(second.path.c_str());
  if (::link(path.c_str(), second.path.c_str()) != 0) {
    second.kept = true;  // there is none
    if (errno == ENOENT) return;
    fail_to_write(path + kPrevious, "keep the previous file");
  }
  // Two names of one file are left as they are by rename; then the second one goes with `second`.
  if (::rename(second.path.c_str(), (path + kPrevious).c_str()) != 0) fail_to_write(path + kPrevious, "keep the previous file");
}

// The process that wrote ".a.tmp.123" is no more.
bool is_left_over(const std::string& name) {
  const std::size_t at = name.rfind(kTemporary);
  if (!name.starts_with('.') || at == std::string::npos) return false;
  const std::string_view digits = std::string_view(name).substr(at + kTemporary.size());
  pid_t process = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), process);
  return error == std::errc() && end == digits.data() + digits.size() && process > 0 && ::kill(process, 0) != 0 && errno == ESRCH;
}

}  // namespace

FileError::FileError(std::string_view code, const std::string& path, const std::string& what, const std::string& help)
    : std::runtime_error(path + ": error " + std::string(code) + ": " + what + (help.empty() ? "" : "\n  help: " + help)),
      code_(code),
      path_(path) {}

void write_file_atomically(const std::string& path, std::string_view bytes, Previous previous) {
  const std::string folder = folder_of(path);
  Temporary temporary{temporary_name(path, folder)};
  ::unlink(temporary.path.c_str());  // left behind by a process of the same number that was killed
  Descriptor file(uninterrupted([&] { return ::open(temporary.path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644); }));
  if (!file.open()) {
    temporary.kept = true;  // there is none
    fail_to_write(path, "write");
  }
  if (!write_all(file.get(), bytes) || uninterrupted([&] { return ::fsync(file.get()); }) != 0 || !file.close())
    fail_to_write(path, "write");
  if (previous == Previous::kKeep) keep_previous(path, folder);
  if (::rename(temporary.path.c_str(), path.c_str()) != 0) fail_to_write(path, "write");
  temporary.kept = true;
  // The new name itself must reach the disk, else a power failure may bring the old file back.
  const Descriptor directory(uninterrupted([&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!directory.open() || uninterrupted([&] { return ::fsync(directory.get()); }) != 0) fail_to_write(folder, "sync the folder");
}

std::string read_whole_file(const std::string& path, std::uint64_t most) {
  const auto fail = [&]() { throw FileError("E0903", path, std::string("cannot read: ") + std::strerror(errno)); };
  const Descriptor file(uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  struct stat status = {};
  if (!file.open() || ::fstat(file.get(), &status) != 0) fail();
  if (!S_ISREG(status.st_mode)) throw FileError("E0903", path, "cannot read: this is not a file");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > most) {
    throw FileError("E0904", path, "has " + std::to_string(size) + " bytes; at most " + std::to_string(most) + " are read");
  }
  std::string bytes(size, '\0');
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got = uninterrupted([&] { return ::read(file.get(), bytes.data() + have, bytes.size() - have); });
    if (got < 0) fail();
    if (got == 0) break;  // the file became shorter
    have += static_cast<std::size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

void remove_left_over(const std::string& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (is_left_over(entry.path().filename().string())) std::filesystem::remove(entry.path(), error);
  }
}

void make_folders(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw FileError("E0902", path, "cannot make the folder: " + error.message());
}

}  // namespace tapeloop
