// What every program that bench/compare runs does: it sets one case up, and times it whenever it is asked to.
//
//   PROGRAM CELL infer|train STEPS ROWS FEATURES UNITS [options of its own] [--outputs FILE]
//
// With --outputs it writes the case's outputs [steps, rows, units], float, as they lie in memory, and ends. Otherwise it says
// "ready" and then answers every line on standard input by the median time of the case in ms, measured for 0.4 s. So ours
// and a peer's can be timed in turn without setting up again.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tapeloop::bench {

struct Case {
  std::string cell;
  bool train = false;
  std::int64_t steps = 0, rows = 0, features = 0, units = 0;
  std::string outputs;               // a file; empty: time it
  std::vector<std::string> options;  // what else was said
};

inline Case read_case(int argc, char** argv) {
  if (argc < 7) throw std::runtime_error("usage: CELL infer|train STEPS ROWS FEATURES UNITS [--outputs FILE]");
  Case what{
      argv[1], std::string_view(argv[2]) == "train", std::stoll(argv[3]), std::stoll(argv[4]), std::stoll(argv[5]), std::stoll(argv[6]), {},
      {}};
  for (int k = 7; k < argc; ++k) {
    if (std::string_view(argv[k]) == "--outputs" && k + 1 < argc)
      what.outputs = argv[++k];
    else
      what.options.emplace_back(argv[k]);
  }
  return what;
}

// Element `index` of the array `name`, in [-1, 1): the same in every program, so that all compute the same thing. Parameters go by
// the names they have in models/cells/ and are a tenth of it, row-major [operand's features, units]; the input is "x", [steps,
// rows, features]. FNV-1a of the name, then the last mixing of MurmurHash3.
inline float number_of(std::string_view name, std::uint32_t index) {
  std::uint32_t hash = 2166136261U;
  for (const char letter : name) hash = (hash ^ static_cast<std::uint8_t>(letter)) * 16777619U;
  hash += (index + 1) * 2654435761U;
  hash = (hash ^ (hash >> 16)) * 0x85ebca6bU;
  hash = (hash ^ (hash >> 13)) * 0xc2b2ae35U;
  hash ^= hash >> 16;
  return static_cast<float>(hash >> 8) / 8388608.0F - 1.0F;
}
inline constexpr float kWeight = 0.1F;

// Wall time; with TAPELOOP_BENCH_CLOCK=cpu that of this process on its processors, which other processes do not lengthen.
inline double now_ms() {
  static const bool cpu = std::getenv("TAPELOOP_BENCH_CLOCK") != nullptr;
  timespec time{};
  clock_gettime(cpu ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

template <class Action>
double median_ms(Action action) {
  std::vector<double> times;
  const double start = now_ms();
  do {
    const double before = now_ms();
    action();
    times.push_back(now_ms() - before);
  } while (now_ms() - start < 400);
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

// `outputs()` gives [steps, rows, units] of a run of `action`.
template <class Action, class Outputs>
void serve(const Case& what, Action action, Outputs outputs) {
  action();
  if (!what.outputs.empty()) {
    const std::vector<float> numbers = outputs();
    std::ofstream file(what.outputs, std::ios::binary);
    file.write(reinterpret_cast<const char*>(numbers.data()), static_cast<std::streamsize>(numbers.size() * sizeof(float)));
    return;
  }
  action();
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) std::cout << median_ms(action) << std::endl;
}

// What main does with a case: exit status 3 and a line on standard error where it cannot be set up here.
template <class Main>
int guarded(Main run) {
  try {
    run();
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 3;
  }
}

}  // namespace tapeloop::bench
