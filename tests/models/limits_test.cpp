// The worst that a model file can ask for is refused, or compiled, within three seconds and 300 MB.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "tests/models/models_file.h"
#include "tests/sanitized.h"

namespace tapeloop {
namespace {

constexpr std::size_t kBytes = (1U << 20U) - 100;         // of a file: as much as is read
constexpr double kSeconds = is_sanitized() ? 60 : 3;      // of processor time
constexpr long kMegabytes = is_sanitized() ? 3000 : 300;  // resident
constexpr const char* kHead = "tapeloop: 1\ninputs: {x: {}}\nnodes:\n";

// Lines as long as they fit.
std::string filled(const std::string& head, const std::function<std::string(int)>& line, const std::string& tail) {
  std::string text = head;
  for (int k = 0;; ++k) {
    const std::string next = line(k);
    if (text.size() + next.size() + tail.size() > kBytes) return text + tail;
    text += next;
  }
}

std::string repeated(const std::string& part, int times) {
  std::string text;
  for (int k = 0; k < times; ++k) text += part;
  return text;
}

// Runs `tapeloop check` as a process of its own: 0 and 3 are its answers.
void expect_bounded(const std::string& name, const std::string& yaml) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / fmt::format("tapeloop_limits_{}", ::getpid());
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "m.yaml") << yaml;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const std::string path = folder / "m.yaml";
    const bool quiet = std::freopen((folder / "out").c_str(), "w", stdout) && std::freopen((folder / "error").c_str(), "w", stderr);
    if (quiet) ::execl(TAPELOOP_BINARY_DIR "/tapeloop", "tapeloop", "check", path.c_str(), nullptr);
    std::_Exit(127);
  }
  int status = 0;
  struct rusage used = {};
  ASSERT_EQ(::wait4(child, &status, 0, &used), child);
  const double seconds = static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                         1e-6 * static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
  EXPECT_TRUE(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 3)) << name << ": status " << status;
  EXPECT_LE(seconds, kSeconds) << name;
  EXPECT_LE(used.ru_maxrss / 1024, kMegabytes) << name;
  std::filesystem::remove_all(folder);
}

TEST(Limits, Texts) {
  expect_bounded("brackets", "tapeloop: 1\nnodes: " + std::string(500000, '['));
  expect_bounded("braces", "tapeloop: 1\nnodes: " + repeated("{a: ", 200000));
  expect_bounded("quote", "tapeloop: 1\nnodes: {h: \"" + std::string(1000000, 'a'));
  expect_bounded("line", std::string(kHead) + "  " + std::string(1000000, 'h') + ": tanh(x)\noutputs: [x]\n");
  expect_bounded("keys", filled(
                             "tapeloop: 1\n", [](int k) { return fmt::format("k{}: 1\n", k); }, ""));
  expect_bounded("outputs", std::string(kHead) + "  h: x\noutputs: [" + repeated("h, ", 90000) + "h]\n");
  expect_bounded("comments", filled(
                                 kHead, [](int) { return std::string("# #\n"); }, "  h: x\noutputs: [h]\n"));
}

TEST(Limits, Equations) {
  const std::string tail = "\noutputs: [h]\n";
  expect_bounded("parentheses", std::string(kHead) + "  h: " + std::string(60000, '(') + "x" + tail);
  expect_bounded("terms", std::string(kHead) + "  h: x" + repeated(" + x", 16000) + tail);
  expect_bounded("minus", std::string(kHead) + "  h: " + std::string(60000, '-') + "x" + tail);
  expect_bounded("calls", std::string(kHead) + "  h: " + repeated("tanh(", 12000) + "x" + tail);
  expect_bounded("shape", "tapeloop: 1\ninputs: {x: {shape: [" + repeated("1, ", 90000) + "1]}}\nnodes: {h: x * 2}" + tail);
}

TEST(Limits, ManyNodesAndMistakes) {
  const std::string tail = "outputs: [h0]\n";
  expect_bounded("nodes", filled(
                              kHead, [](int k) { return fmt::format("  h{}: tanh(x)\n", k); }, tail));
  expect_bounded("lists of names", filled(
                                       kHead, [](int k) { return fmt::format("  a{0}, b{0}, h{0}: tanh(x)\n", k); }, tail));
  expect_bounded("unknown names", filled(
                                      kHead, [](int k) { return fmt::format("  h{0}: x + wrong{0}\n", k); }, tail));
  expect_bounded("unknown ops", filled(
                                    kHead, [](int k) { return fmt::format("  h{}: tahn(x) + tahn(x) + tahn(x)\n", k); }, tail));
  expect_bounded("a ring", filled(
                               kHead, [](int k) { return fmt::format("  h{}: tanh(h{} + x)\n", k, k + 1); }, tail));
  expect_bounded("second names", filled(
                                     kHead, [](int k) { return fmt::format("  h{}: h{} # second\n", k, k + 1); }, tail));
  expect_bounded("axes", filled(
                             "tapeloop: 1\naxes:\n", [](int k) { return fmt::format("  a{}: {{}}  # an axis\n", k); },
                             "inputs: {x: {}}\nnodes: {h0: x}\n" + tail));
  expect_bounded("inputs", filled(
                               "tapeloop: 1\ninputs:\n", [](int k) { return fmt::format("  x{}: {{}}  # an input\n", k); },
                               "nodes: {h0: x0}\n" + tail));
}

TEST(Limits, BlocksAndSeries) {
  const std::string tail = "outputs: [h1]\n";
  expect_bounded("one block", std::string(kHead) + "  for j in 1..1000000:\n    h{j}: x\n" + tail);
  expect_bounded("100,000", std::string(kHead) + "  for j in 1..100000:\n    h{j}: tanh(x)\n" + tail);
  expect_bounded(
      "three blocks",
      std::string(kHead) + "  for i in 1..1000:\n    for j in 1..1000:\n      for k in 1..1000:\n        h{i}_{j}_{k}: x\n" + tail);
  expect_bounded("empty blocks",
                 std::string(kHead) + "  for i in 1..100000:\n    for j in 1..100000:\n      for k in 1..0:\n        h{i}: x\n" + tail);
  expect_bounded("a series", std::string(kHead) + "  h1: sum(x for k in 1..100000)\n" + tail);
  expect_bounded("nested series", std::string(kHead) + "  h1: sum(sum(x for j in 1..1000) for k in 1..1000)\n" + tail);
  expect_bounded("long bodies", std::string(kHead) + "  for j in 1..100000:\n    h{j}: x" + repeated(" + x", 900) + "\n" + tail);
}

// As large as models may be, with gradients.
TEST(Limits, TheLargestModels) {
  const std::string chain = "tapeloop: 1\ninputs: {x: {shape: [3]}}\nnodes:\n  h0: linear(x, units=3)\n";
  expect_bounded("a chain", chain + "  for j in 1..12000:\n    h{j}: tanh(h{j-1})\n  e: sum(h12000, along=shape)\noutputs: [e]\nloss: e\n");
  expect_bounded("cells",
                 chain + "  for j in 1..700:\n    h{j}: gru(h{j-1}, units=3)\n  e: sum(h700, along=shape)\noutputs: [e]\nloss: e\n");
}

TEST(Limits, ProductsOfSizes) {
  const std::string model = "inputs: {x: {shape: [2]}}\nnodes: {h: \"tanh(linear(x, units=units))\"}\noutputs: [h]\n";
  expect_bounded("shape", "tapeloop: 1\ninputs: {x: {shape: [2000000000, 2000000000, 2000000000]}}\nnodes: {h: x * 2}\noutputs: [h]\n");
  expect_bounded("units", "tapeloop: 1\noptions: {units: 4000000000}\n" + model);
  expect_bounded("1e300", "tapeloop: 1\noptions: {units: 1e300}\n" + model);
}

}  // namespace
}  // namespace tapeloop
