// tapeloop explain [CODE]: the page of a code, or a line of each.
#include "models/facade/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "core/diagnostics.h"
#include "models/facade/json_text.h"
#include "tools/commands.h"
#include "tools/report.h"

namespace tapeloop::tool {
namespace {

std::string as_json(const Explanation& page) {
  return fmt::format("{{\"code\": {}, \"meaning\": {}, \"text\": {}, \"language\": {}, \"wrong\": {}, \"right\": {}}}",
                     json_quoted(page.code), json_quoted(page.meaning), json_quoted(page.text), json_quoted(page.language),
                     json_quoted(page.wrong), json_quoted(page.right));
}

int explain_all(bool json) {
  std::string text;
  for (const Explanation& page : explanations()) {
    text += json ? (text.empty() ? "" : ", ") + as_json(page) : fmt::format("{}  {}\n", page.code, page.meaning);
  }
  print_result(json ? "[" + text + "]" : text);
  return kDone;
}

}  // namespace

int explain_command(const ExplainRequest& request) {
  if (request.code.empty()) return explain_all(request.json);
  std::string code = request.code;
  std::transform(code.begin(), code.end(), code.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (const Explanation* page = find_explanation(code)) {
    print_result(request.json ? as_json(*page) : explanation_page(*page));
    return kDone;
  }
  std::vector<std::string> codes;
  for (const Explanation& page : explanations()) codes.push_back(page.code);
  print_note(fmt::format("there is no code '{}'{}\n  help: `tapeloop explain` lists all of them", request.code, did_you_mean(code, codes)));
  return kUsage;
}

}  // namespace tapeloop::tool
