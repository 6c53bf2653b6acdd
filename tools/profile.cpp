// tapeloop profile MODEL: where the time of a run goes, and what bounds it.
#include "models/facade/profile.h"

#include <fmt/format.h>

#include "models/facade/json_text.h"
#include "tools/commands.h"
#include "tools/report.h"

namespace tapeloop::tool {
namespace {

constexpr double kShown = 0.005;  // share of the time; what is below stands in one line

std::string shortened(const std::string& text) {
  constexpr std::size_t kWidth = 60;
  return text.size() <= kWidth ? text : text.substr(0, kWidth - 2) + "..";
}

std::string equation(const ProfiledInstruction& line) {
  return shortened(line.text) + (line.ops > 1 ? fmt::format(" and {} before it", line.ops - 1) : "");
}

// What is above all of it comes out of a cache, or is a product that suits this processor better than the square one.
std::string peak_text(double peak) { return peak > 1 ? "over" : fmt::format("{:.0f}%", 100 * peak); }

std::string text_of(const Profile& profile) {
  std::string text = fmt::format(
      "{}: forward {:.3f} ms, backward {:.3f} ms, mean of {} runs; one thread\n"
      "of peak: of {:.0f} GFLOP/s (256 x 256 matrices) for products, of {:.1f} GB/s (a large copy) for all else;\n"
      "over: out of a cache, or a product of a better shape\n\n",
      profile.model, profile.forward_ms, profile.backward_ms, profile.runs, profile.machine.gflops, profile.machine.gbytes);
  std::vector<std::vector<std::string>> rows{{"what", "where", "ms", "share", "calls", "Mflop", "MB", "GFLOP/s", "GB/s", "of peak"}};
  std::vector<std::string> advice;
  double others = 0, other_ms = 0, other_share = 0;
  for (const ProfiledInstruction& line : profile.instructions) {
    if (line.share < kShown) {
      ++others, other_ms += line.ms, other_share += line.share;
      continue;
    }
    rows.push_back({equation(line), line.where, fmt::format("{:.3f}", line.ms), fmt::format("{:.1f}%", 100 * line.share),
                    fmt::format("{:.0f}", line.calls), fmt::format("{:.2f}", line.mflops), fmt::format("{:.2f}", line.mbytes),
                    fmt::format("{:.1f}", line.gflops), fmt::format("{:.1f}", line.gbytes), peak_text(line.peak)});
    if (!line.advice.empty()) advice.push_back(fmt::format("  {} ({}): {}", equation(line), line.where, line.advice));
  }
  if (others > 0) {
    rows.push_back({fmt::format("{:.0f} more, each below {}%", others, 100 * kShown), "", fmt::format("{:.3f}", other_ms),
                    fmt::format("{:.1f}%", 100 * other_share)});
  }
  text += table(rows) + "\n";
  for (const std::string& line : advice) text += line + "\n";
  return text;
}

std::string json_of(const Profile& profile) {
  std::string lines;
  for (const ProfiledInstruction& line : profile.instructions) {
    lines += fmt::format(
        "{}\n  {{\"text\": {}, \"ops\": {}, \"op\": {}, \"where\": {}, \"source\": {}, \"calls\": {}, \"points\": {}, \"ms\": {}, "
        "\"share\": {}, \"mflops\": {}, \"mbytes\": {}, \"gflops\": {}, \"gbytes\": {}, \"peak\": {}, \"advice\": {}}}",
        lines.empty() ? "" : ",", json_quoted(line.text), line.ops, json_quoted(line.op), json_quoted(line.where), json_quoted(line.source),
        json_number(line.calls), json_number(line.points), json_number(line.ms), json_number(line.share), json_number(line.mflops),
        json_number(line.mbytes), json_number(line.gflops), json_number(line.gbytes), json_number(line.peak), json_quoted(line.advice));
  }
  return fmt::format(
      "{{\"model\": {}, \"runs\": {}, \"forward_ms\": {}, \"backward_ms\": {}, \"machine\": {{\"gflops\": {}, \"gbytes\": {}}}, "
      "\"instructions\": [{}]}}",
      json_quoted(profile.model), profile.runs, json_number(profile.forward_ms), json_number(profile.backward_ms),
      json_number(profile.machine.gflops), json_number(profile.machine.gbytes), lines);
}

}  // namespace

int profile_command(const ProfileRequest& request) {
  if (!are_optimisations(request.without)) return kUsage;
  ProfileOptions options;
  options.mode = mode_of(request.mode);
  options.without = request.without;
  options.rows = request.rows;
  options.length = request.length;
  options.free_sizes = request.sizes;
  options.gradients = !request.forward_only;
  if (!request.feed.empty()) options.feed = read_feed(request.feed);
  const Profile profile = profile_model(Model::load(request.model, request.key_values), options);
  print_result(request.json ? json_of(profile) : text_of(profile));
  return kDone;
}

}  // namespace tapeloop::tool
