#include "tests/faults/file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <utility>

namespace {

using tapeloop::faults::Operation;
using Kind = Operation::Kind;

tapeloop::faults::Fault fault;
std::atomic<bool> armed{false};
std::atomic<int> calls{0};

// As a library loaded before others: TAPELOOP_FAULT="CALL FOREVER ERROR".
struct FromEnvironment {
  FromEnvironment() {
    const char* text = std::getenv("TAPELOOP_FAULT");
    int forever = 0;
    if (text == nullptr || std::sscanf(text, "%d %d %d", &fault.call, &forever, &fault.error) != 3) return;
    fault.forever = forever != 0;
    armed = true;
  }
  ~FromEnvironment() {
    const char* path = std::getenv("TAPELOOP_FAULT_COUNT");
    if (path == nullptr) return;
    armed = false;
    if (std::FILE* file = std::fopen(path, "w")) {
      std::fprintf(file, "%d", calls.load());
      std::fclose(file);
    }
  }
} from_environment;

struct Journal {
  bool on = false;
  std::map<int, std::string> paths;  // of descriptors
  std::vector<Operation> operations;
};
// Made when it is first asked for: files are opened before this one's globals are there.
Journal& journal() {
  static Journal it;
  return it;
}

void write_down(const Operation& operation) {
  if (journal().on) journal().operations.push_back(operation);
}

// Returns `fd`, which stands for that path from here on.
int opened(int fd, const char* path, int flags) {
  if (!journal().on || fd < 0) return fd;
  journal().paths[fd] = path;
  if ((flags & O_CREAT) != 0) write_down({Kind::kCreate, path});
  return fd;
}

bool is_hit() {
  if (!armed) return false;
  const int call = ++calls;
  return call == fault.call || (fault.forever && fault.call > 0 && call > fault.call);
}

bool fails() {
  if (!is_hit() || fault.error == 0) return false;
  errno = fault.error;
  return true;
}

// How much of a read or write is done; -1: it fails.
long allowed(std::size_t size) {
  if (!is_hit()) return static_cast<long>(size);
  if (fault.error == 0) return static_cast<long>(size > 1 ? size / 2 : size);
  errno = fault.error;
  return -1;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    std::va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  return fails() ? -1 : opened(static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode)), path, flags);
}

ssize_t read(int fd, void* bytes, std::size_t size) {
  const long part = allowed(size);
  return part < 0 ? -1 : ::syscall(SYS_read, fd, bytes, part);
}

ssize_t write(int fd, const void* bytes, std::size_t size) {
  const long part = allowed(size);
  if (part >= 0 && journal().on) {
    write_down({Kind::kWrite, journal().paths[fd], {}, {static_cast<const char*>(bytes), static_cast<std::size_t>(part)}});
  }
  return part < 0 ? -1 : ::syscall(SYS_write, fd, bytes, part);
}

ssize_t writev(int fd, const struct iovec* parts, int count) { return fails() ? -1 : ::syscall(SYS_writev, fd, parts, count); }

// The disk is not waited for: what is tested here is what is done when it says no.
int fsync(int fd) {
  if (fails()) return -1;
  if (journal().on) write_down({Kind::kSync, journal().paths[fd]});
  return 0;
}

// A file that could not be closed is closed all the same (Linux).
int close(int fd) {
  const bool bad = fails();
  const int error = errno;
  const int result = static_cast<int>(::syscall(SYS_close, fd));
  if (bad) errno = error;
  return bad ? -1 : result;
}

int link(const char* from, const char* to) noexcept {
  if (fails()) return -1;
  const auto result = static_cast<int>(::syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0));
  if (result == 0) write_down({Kind::kLink, from, to});
  return result;
}
int rename(const char* from, const char* to) noexcept {
  if (fails()) return -1;
  const auto result = static_cast<int>(::syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to));
  if (result == 0) write_down({Kind::kRename, from, to});
  return result;
}
int unlink(const char* path) noexcept {
  if (fails()) return -1;
  const auto result = static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0));
  if (result == 0) write_down({Kind::kUnlink, path});
  return result;
}
int mkdir(const char* path, mode_t mode) noexcept { return fails() ? -1 : static_cast<int>(::syscall(SYS_mkdirat, AT_FDCWD, path, mode)); }
}

namespace tapeloop::faults {

void arm(const Fault& next) {
  fault = next;
  calls = 0;
  armed = true;
}

int disarm() {
  armed = false;
  return calls;
}

void start_writing_down() {
  journal() = {};
  journal().on = true;
}

std::vector<Operation> stop_writing_down() {
  journal().on = false;
  return std::exchange(journal().operations, {});
}

}  // namespace tapeloop::faults
