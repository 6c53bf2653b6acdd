// tapeloop check MODEL: everything that is wrong with a model, in one run.
#include <fmt/format.h>

#include "models/facade/json_text.h"
#include "models/facade/model.h"
#include "models/facade/selftest.h"
#include "models/facade/train.h"
#include "tools/commands.h"
#include "tools/report.h"

namespace tapeloop::tool {

int check_command(const Request& request, const DiagnosticsStyle& style) {
  std::vector<Diagnostic> found;
  bool good = true;
  try {
    const Model model = Model::load(request.model, request.key_values);
    CompileOptions options;
    options.mode = mode_of(request.mode);
    Diagnostics diagnostics;
    model.compile_into(diagnostics, options);
    if (options.mode == Mode::kTrain && decodes(model)) {  // what only decoding reads has mistakes of its own
      options.mode = Mode::kDecode;
      options.gradients = false;
      model.compile_into(diagnostics, options);
    }
    if (!diagnostics.has_errors()) check_training(model, diagnostics);
    found = diagnostics.sorted();
    good = !diagnostics.has_errors();
  } catch (const ModelError& error) {
    found = error.list();
    good = false;
  }
  if (request.json) {
    print_result(
        fmt::format("{{\"model\": {}, \"ok\": {}, \"diagnostics\": {}}}", json_quoted(request.model), good, diagnostics_json(found)));
  } else {
    print_diagnostics(found, style);
    if (good) print_result(fmt::format("{}: no mistakes", request.model));
  }
  return good ? kDone : kBadModel;
}

}  // namespace tapeloop::tool
