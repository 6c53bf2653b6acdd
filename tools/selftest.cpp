// tapeloop selftest: the proofs of all shipped models on this machine, as a table.
#include "models/facade/selftest.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "models/facade/json_text.h"
#include "models/facade/machine.h"
#include "tools/commands.h"
#include "tools/report.h"

namespace tapeloop::tool {
namespace {

std::string as_json(const SelftestReport& report) {
  std::string checks;
  for (const SelftestCheck& check : report.checks) {
    checks += fmt::format("{}{{\"what\": {}, \"comparisons\": {}, \"worst\": {}, \"difference\": {}, \"allowed\": {}, \"ok\": {}}}",
                          checks.empty() ? "" : ", ", json_quoted(check.what), check.comparisons, json_quoted(check.worst),
                          json_number(check.difference), json_number(check.allowed), check.good());
  }
  return fmt::format("{{\"ok\": {}, \"models\": {}, \"proofs\": {}, \"seconds\": {:.1f}, \"checks\": [{}]}}", report.good(), report.models,
                     report.proofs, report.seconds, checks);
}

std::string as_text(const SelftestReport& report) {
  std::vector<std::vector<std::string>> rows{{"compared", "times", "difference", "allowed", "worst at", ""}};
  for (const SelftestCheck& check : report.checks) {
    rows.push_back({check.what, std::to_string(check.comparisons), fmt::format("{:.1e}", check.difference),
                    fmt::format("{:.0e}", check.allowed), check.worst.empty() ? "-" : check.worst, check.good() ? "ok" : "FAILED"});
  }
  return table(rows) + fmt::format("{} models, {} proofs in {:.0f} s: {}\n", report.models, report.proofs, report.seconds,
                                   report.good() ? "all agree" : "NOT proven; please report it with this table");
}

}  // namespace

int selftest_command(const SelftestRequest& request) {
  SelftestOptions options;
  options.seconds = request.seconds;
  options.threads = request.threads;
  const bool shows = !request.json && ::isatty(STDERR_FILENO) != 0;
  if (shows) {
    options.on_model = [](const std::string& model, std::int64_t proofs) {
      fmt::print(stderr, "\r{:5} proofs: {:<28}", proofs, model);
      std::fflush(stderr);
    };
  }
  if (!request.json) fmt::print("{}\n", machine_text());
  std::fflush(stdout);
  const SelftestReport report = selftest(options);
  if (shows) fmt::print(stderr, "\r{:42}\r", "");
  print_result(request.json ? as_json(report) : as_text(report));
  return report.good() ? kDone : kFailed;
}

}  // namespace tapeloop::tool
