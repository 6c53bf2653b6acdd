#include "tools/report.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include "models/facade/excerpt.h"
#include "models/facade/json_text.h"

namespace tapeloop::tool {
namespace {

bool colours() {
  const char* no_color = std::getenv("NO_COLOR");
  return stderr_is_terminal() && (no_color == nullptr || *no_color == '\0');
}

std::string painted(const Diagnostic& diagnostic) {
  std::string text = format_with_excerpt(diagnostic);
  if (!colours()) return text;
  const std::string word = diagnostic.severity == Severity::kError ? "error" : "warning";
  const std::size_t at = text.find(word + " " + diagnostic.code);
  if (at == std::string::npos) return text;
  const char* colour = diagnostic.severity == Severity::kError ? "\x1b[1;31m" : "\x1b[1;33m";
  return text.substr(0, at) + colour + word + "\x1b[0m" + text.substr(at + word.size());
}

std::string counted(std::size_t count, const std::string& word) { return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s"); }

}  // namespace

void print_result(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (text.empty() || text.back() != '\n') std::fputc('\n', stdout);
  std::fflush(stdout);
}

void print_note(const std::string& text) { fmt::print(stderr, "{}\n", text); }

void print_diagnostics(const std::vector<Diagnostic>& list, const DiagnosticsStyle& style) {
  std::size_t errors = 0, warnings = 0;
  std::vector<Diagnostic> shown;
  for (const Diagnostic& diagnostic : list) {
    const std::size_t before = diagnostic.severity == Severity::kError ? errors++ : warnings++;
    if (style.all || before < kShownDiagnostics) shown.push_back(diagnostic);
  }
  const std::size_t rest = list.size() - shown.size();
  if (style.format == "json") {
    return print_note(fmt::format("{{\"errors\": {}, \"warnings\": {}, \"not_shown\": {}, \"diagnostics\": {}}}", errors, warnings, rest,
                                  diagnostics_json(shown)));
  }
  for (const Diagnostic& diagnostic : shown) print_note(painted(diagnostic));
  if (rest > 0) print_note(fmt::format(".. and {} more: --all shows them", rest));
  if (list.size() > 1) {
    print_note(errors == 0     ? counted(warnings, "warning")
               : warnings == 0 ? counted(errors, "error")
                               : counted(errors, "error") + ", " + counted(warnings, "warning"));
  }
  if (errors > 0 && stderr_is_terminal()) print_note(fmt::format("tapeloop explain {} says more", list.front().code));
}

void print_file_error(const FileError& error, const DiagnosticsStyle& style) {
  if (style.format != "json") return print_note(error.what());
  std::string message = error.what();
  const std::string head = error.path() + ": error " + error.code() + ": ";
  if (message.starts_with(head)) message.erase(0, head.size());
  const std::size_t help = message.find("\n  help: ");
  Diagnostic diagnostic;
  diagnostic.code = error.code();
  diagnostic.source.file = std::make_shared<const std::string>(error.path());
  diagnostic.message = message.substr(0, help);
  if (help != std::string::npos) diagnostic.help = message.substr(help + 9);
  print_diagnostics({diagnostic}, style);
}

namespace {

// "expected A, found B" has two parts; null where a message is worded otherwise.
std::pair<std::string, std::string> expected_and_found(const std::string& message) {
  const std::size_t expected = message.find("expected "), found = message.find(", found ", expected);
  if (expected == std::string::npos || found == std::string::npos) return {"null", "null"};
  return {json_quoted(message.substr(expected + 9, found - expected - 9)), json_quoted(message.substr(found + 8))};
}

std::string place_json(const Diagnostic& diagnostic) {
  const Source& source = diagnostic.source;
  const std::optional<Excerpt> excerpt = excerpt_of(diagnostic);
  const auto known = [&](int number) { return source.known() ? std::to_string(number) : "null"; };
  return fmt::format("\"file\": {}, \"line\": {}, \"column\": {}, \"end_column\": {}", source.file ? json_quoted(*source.file) : "null",
                     known(source.line), known(source.column), excerpt ? std::to_string(excerpt->end_column) : "null");
}

}  // namespace

std::string diagnostics_json(const std::vector<Diagnostic>& list) {
  std::string text;
  for (const Diagnostic& diagnostic : list) {
    const auto [expected, found] = expected_and_found(diagnostic.message);
    text +=
        fmt::format("{}{{\"severity\": \"{}\", \"code\": {}, {}, \"message\": {}, \"expected\": {}, \"found\": {}, \"help\": {}}}",
                    text.empty() ? "" : ", ", diagnostic.severity == Severity::kError ? "error" : "warning", json_quoted(diagnostic.code),
                    place_json(diagnostic), json_quoted(diagnostic.message), expected, found, json_quoted(diagnostic.help));
  }
  return "[" + text + "]";
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (std::size_t k = 0; k < row.size(); ++k) widths[k] = std::max(widths[k], row[k].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t k = 0; k < row.size(); ++k) {
      line += k == 0 ? fmt::format("{:<{}}", row[k], widths[k]) : fmt::format("  {:>{}}", row[k], widths[k]);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

Mode mode_of(const std::string& word) { return word == "train" ? Mode::kTrain : word == "eval" ? Mode::kEval : Mode::kDecode; }

}  // namespace tapeloop::tool
