// One line that says how far a training is: redrawn in place on a terminal, else a line for each epoch.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace tapeloop {

enum class Terminal { kAsk, kYes, kNo };  // kAsk: whether the stream is one

class ProgressLine {
 public:
  // Redraws at most ten times a second. Colour on a terminal unless the environment has NO_COLOR (https://no-color.org).
  explicit ProgressLine(std::FILE* stream = stderr, Terminal terminal = Terminal::kAsk);
  ~ProgressLine();  // leaves the last line standing
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // "epoch 12/300  [####----]  loss 0.1234": share in [0, 1] of the epoch. Nothing if this is no terminal.
  void update(const std::string& title, double share, const std::string& numbers);
  // The end of an epoch: a line of its own unless this is a terminal.
  void epoch(const std::string& title, const std::string& numbers);
  // Ends the line, so that something else may be printed.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  void draw(const std::string& text);

  std::FILE* stream_;
  bool terminal_;
  bool colour_;
  bool open_ = false;  // the cursor stands in a drawn line
  Clock::time_point last_{};
};

}  // namespace tapeloop
