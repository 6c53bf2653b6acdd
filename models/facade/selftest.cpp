#include "models/facade/selftest.h"

#include <algorithm>
#include <chrono>

#include "models/facade/built_in_models.h"
#include "models/facade/verify.h"

namespace tapeloop {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// A difference of 0 where 0 is allowed is no part of it.
double share(double difference, double allowed) { return difference == 0 ? 0 : difference / allowed; }

void add(const VerifyCheck& check, const std::string& where, SelftestReport& report) {
  if (!check.left_out.empty()) return;
  const auto same = [&](const SelftestCheck& other) { return other.what == check.what; };
  auto found = std::find_if(report.checks.begin(), report.checks.end(), same);
  if (found == report.checks.end()) found = report.checks.insert(found, {check.what, 0, 0, check.allowed, ""});
  ++found->comparisons;
  // What is no number is worse than any.
  if (found->good() && !(share(check.difference, check.allowed) <= share(found->difference, found->allowed))) {
    found->difference = check.difference;
    found->allowed = check.allowed;
    found->worst = where + ": " + check.worst;
  }
}

void prove(const Model& model, const std::string& name, std::uint64_t seed, int threads, SelftestReport& report) {
  for (const Mode mode : {Mode::kTrain, Mode::kDecode}) {
    if (mode == Mode::kDecode && !decodes(model)) continue;
    VerifyOptions options;
    options.mode = mode;
    options.seed = seed;
    options.threads = threads;
    const std::string where = name + (mode == Mode::kDecode ? " --mode decode" : "") + ", seed " + std::to_string(seed);
    for (const VerifyCheck& check : verify_model(model, options).checks) add(check, where, report);
    ++report.proofs;
  }
}

}  // namespace

bool SelftestReport::good() const {
  return std::all_of(checks.begin(), checks.end(), [](const SelftestCheck& check) { return check.good(); });
}

bool decodes(const Model& model) {
  const auto decides = [](const SectionItem<AxisDecl>& item) {
    return !item.is_block() && item.value.length_in(Mode::kDecode).until && !item.value.length_in(Mode::kTrain).until;
  };
  return std::any_of(model.container().axes.begin(), model.container().axes.end(), decides);
}

std::vector<std::string> small_options(const Model& model) {
  std::vector<std::string> options;
  for (const auto& item : model.container().options) {
    for (const char* name : {"units", "longest"}) {
      if (item.key == name) options.push_back(std::string("options.") + name + "=4");
    }
  }
  return options;
}

SelftestReport selftest(const SelftestOptions& options) {
  SelftestReport report;
  const Clock::time_point start = Clock::now();
  for (std::uint64_t seed = 1; seed == 1 || seconds_since(start) < options.seconds; ++seed) {
    for (const BuiltInModel& built_in : built_in_models()) {
      if (seed > 1 && seconds_since(start) >= options.seconds) break;
      const std::string name(built_in.name);
      prove(Model::load(name, small_options(Model::load(name))), name, seed, options.threads, report);
      report.models += seed == 1 ? 1 : 0;
      if (options.on_model) options.on_model(name, report.proofs);
    }
  }
  report.seconds = seconds_since(start);
  return report;
}

}  // namespace tapeloop
