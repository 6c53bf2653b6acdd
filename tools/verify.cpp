// tapeloop verify MODEL: a table of what was compared, and whether it agrees.
#include "models/facade/verify.h"

#include <fmt/format.h>

#include "models/facade/feed.h"
#include "models/facade/json_text.h"
#include "models/facade/trial_feed.h"
#include "runtime/training/atomic_file.h"
#include "tools/commands.h"
#include "tools/report.h"

namespace tapeloop::tool {
namespace {

std::string as_json(const VerifyRequest& request, const VerifyReport& report) {
  std::string checks;
  for (const VerifyCheck& check : report.checks) {
    checks += fmt::format("{}{{\"what\": {}, \"worst\": {}, \"difference\": {}, \"allowed\": {}, \"ok\": {}, \"left_out\": {}}}",
                          checks.empty() ? "" : ", ", json_quoted(check.what), json_quoted(check.worst), json_number(check.difference),
                          json_number(check.allowed), check.good(), json_quoted(check.left_out));
  }
  return fmt::format("{{\"model\": {}, \"ok\": {}, \"culprit\": {}, \"not_finite\": {}, \"checks\": [{}]}}", json_quoted(request.model),
                     report.good(), json_quoted(report.culprit), json_quoted(report.not_finite), checks);
}

std::string as_text(const VerifyRequest& request, const VerifyReport& report) {
  std::string notes = report.culprit.empty() ? "" : report.culprit + "\n";
  if (!report.not_finite.empty()) {
    notes += fmt::format(
        "values are not finite: {}\n"
        "  help: feed numbers for which they are (--feed; --save-feed writes those that were drawn), or keep the equation from them, "
        "such as log(max(x, 1e-6))\n",
        report.not_finite);
  }
  std::vector<std::vector<std::string>> rows{{"compared", "difference", "allowed", "worst at", ""}};
  for (const VerifyCheck& check : report.checks) {
    if (!check.left_out.empty()) {
      rows.push_back({check.what, "", "", "", "-"});
      notes += fmt::format("{}: not compared: {}\n", check.what, check.left_out);
      continue;
    }
    rows.push_back({check.what, fmt::format("{:.1e}", check.difference), fmt::format("{:.0e}", check.allowed), check.worst,
                    check.good() ? "ok" : "FAILED"});
  }
  return table(rows) + notes +
         fmt::format("{}: {}\n", request.model,
                     !report.good()              ? "NOT proven"
                     : report.not_finite.empty() ? "all agree"
                                                 : "all agree, infinite values among them");
}

}  // namespace

int verify_command(const VerifyRequest& request) {
  const Model model = Model::load(request.model, request.key_values);
  VerifyOptions options;
  options.mode = mode_of(request.mode);
  options.seed = request.seed;
  options.threads = request.threads.value_or(0);
  const Feed feed = request.feed.empty() ? trial_feed(model, options.mode, request.seed) : read_feed(request.feed);
  options.feed = &feed;
  options.drawn = request.feed.empty();
  if (!request.save_feed.empty()) write_file_atomically(request.save_feed, feed_json(feed) + "\n");
  const VerifyReport report = verify_model(model, options);
  print_result(request.json ? as_json(request, report) : as_text(request, report));
  return report.good() ? kDone : kFailed;
}

}  // namespace tapeloop::tool
