// What the figures of a hot spot mean. The rules go from what is certain to what is likely; each says what bounds the instruction
// and what a user could change.
#include <fmt/format.h>

#include "models/facade/profile.h"

namespace tapeloop {
namespace {

constexpr double kNearPeak = 0.6;
constexpr double kManyRows = 64;    // from here on a product's rows repay reading its weights
constexpr std::int64_t kLane = 16;  // floats in the widest vector
constexpr std::int64_t kLargeSide = 128;
constexpr double kShortCall = 0.002;  // ms: from here down, what a call costs by itself shows

bool in_scan(const ProfiledInstruction& line) { return line.where.find("scan") != std::string::npos; }

double points_of_a_call(const ProfiledInstruction& line) { return line.calls > 0 ? line.points / line.calls : 0; }

std::string advice_for_product(const ProfiledInstruction& line, const Machine& machine) {
  const double rows = points_of_a_call(line), percent = 100 * line.gflops / machine.gflops;
  if (percent >= 100 * kNearPeak) {
    return fmt::format("{:.0f}% of this machine's peak: only fewer units, shorter sequences or more threads make it faster", percent);
  }
  if (line.k % kLane != 0 || line.n % kLane != 0) {
    return fmt::format("{:.0f}% of peak: {} x {} is rounded up to multiples of {}, which cost the same", percent, line.k, line.n, kLane);
  }
  if (rows < kManyRows) {
    return fmt::format("{:.0f}% of peak with {:.0f} row{} at a time, which use the weights too seldom: more rows cost less than they seem",
                       percent, rows, rows == 1 ? "" : "s");
  }
  if (line.k < kLargeSide || line.n < kLargeSide) {
    return fmt::format("{:.0f}% of peak: {} x {} is a small matrix; more units cost less than they seem", percent, line.k, line.n);
  }
  return fmt::format("{:.0f}% of peak with {:.0f} rows by {} x {}: its matrices come from memory, not from a cache", percent, rows, line.k,
                     line.n);
}

std::string advice_for_points(const ProfiledInstruction& line, const Machine& machine) {
  const double part = line.gbytes / machine.gbytes;
  if (in_scan(line) && line.calls > 0 && line.ms / line.calls < kShortCall) {
    return fmt::format("{:.0f} calls of {:.1f} us each for {:.0f} points: the step itself costs more than its numbers; more rows help",
                       line.calls, 1e3 * line.ms / line.calls, points_of_a_call(line));
  }
  if (line.mbytes > 0 && line.mflops / line.mbytes > 4) {
    return fmt::format("bound by its functions, {:.0f} flops for each byte: a cheaper activation is what helps", line.mflops / line.mbytes);
  }
  if (part >= kNearPeak) {
    return fmt::format("{:.0f}% of a copy's rate: bound by reading and writing {:.1f} MB; fewer rows at a time stay in a cache", 100 * part,
                       line.mbytes);
  }
  return fmt::format("{:.1f} MB read and written at {:.1f} GB/s: see in `tapeloop plan` what keeps it from joining its neighbours",
                     line.mbytes, line.gbytes);
}

}  // namespace

std::string advice_for(const ProfiledInstruction& line, const Machine& machine) {
  if (line.op == "product" || line.op == "product_sum") return advice_for_product(line, machine);
  if (line.op == "point") return advice_for_points(line, machine);
  if (line.op == "draw") return "random numbers: draws per sequence instead of per step, or eval mode, need fewer";
  if (line.op == "move" || line.op == "move_outside") {
    return fmt::format("{:.1f} MB moved from place to place: a value is read at other positions, or in another order, than it was written",
                       line.mbytes);
  }
  if (line.op == "sum_to")
    return fmt::format("a sum of {:.0f} points: the gradient of what is shared by them, or a reduction", line.points);
  return fmt::format("{:.0f} calls for {:.0f} points at {:.1f} GB/s: a kernel of its own, joined with nothing", line.calls, line.points,
                     line.gbytes);
}

}  // namespace tapeloop
