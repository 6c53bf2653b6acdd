#include "runtime/training/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace tapeloop {
namespace {

constexpr int kBarWidth = 20;                              // characters
constexpr std::chrono::milliseconds kBetweenRedraws{100};  // ten a second

bool has_no_color() {
  const char* value = std::getenv("NO_COLOR");
  return value != nullptr && *value != '\0';
}

// Characters of a line of this terminal; a longer text would wrap and could not be redrawn.
std::size_t columns(std::FILE* stream) {
  struct winsize size = {};
  if (::ioctl(::fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col < 2) return 80;
  return size.ws_col;
}

std::string bar(double share) {
  const int done = static_cast<int>(std::clamp(share, 0.0, 1.0) * kBarWidth + 0.5);
  return "[" + std::string(static_cast<std::size_t>(done), '#') + std::string(static_cast<std::size_t>(kBarWidth - done), '-') + "]";
}

}  // namespace

ProgressLine::ProgressLine(std::FILE* stream, Terminal terminal)
    : stream_(stream),
      terminal_(terminal == Terminal::kAsk ? ::isatty(::fileno(stream)) == 1 : terminal == Terminal::kYes),
      colour_(terminal_ && !has_no_color()) {}

ProgressLine::~ProgressLine() { finish(); }

void ProgressLine::update(const std::string& title, double share, const std::string& numbers) {
  if (!terminal_) return;
  const Clock::time_point now = Clock::now();
  if (open_ && now - last_ < kBetweenRedraws) return;
  last_ = now;
  draw(title + "  " + bar(share) + "  " + numbers);
}

void ProgressLine::epoch(const std::string& title, const std::string& numbers) {
  if (!terminal_) {
    std::fprintf(stream_, "%s  %s\n", title.c_str(), numbers.c_str());
    std::fflush(stream_);
    return;
  }
  // Many short epochs a second must not flicker either.
  update(title, 1, numbers);
}

void ProgressLine::finish() {
  if (open_) std::fputs("\n", stream_);
  if (open_) std::fflush(stream_);
  open_ = false;
}

void ProgressLine::draw(const std::string& text) {
  const std::string cut = text.substr(0, columns(stream_) - 1);
  std::fprintf(stream_, colour_ ? "\r\033[36m%s\033[0m\033[K" : "\r%s\033[K", cut.c_str());
  std::fflush(stream_);
  open_ = true;
}

}  // namespace tapeloop
