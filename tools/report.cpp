#include "tools/report.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "models/facade/json_text.h"

namespace tapeloop::tool {
namespace {

bool colours() {
  const char* no_color = std::getenv("NO_COLOR");
  return stderr_is_terminal() && (no_color == nullptr || *no_color == '\0');
}

std::string painted(const Diagnostic& diagnostic) {
  std::string text = format(diagnostic);
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

void print_diagnostics(const std::vector<Diagnostic>& list) {
  for (const Diagnostic& diagnostic : list) print_note(painted(diagnostic));
  const auto errors =
      static_cast<std::size_t>(std::count_if(list.begin(), list.end(), [](const Diagnostic& d) { return d.severity == Severity::kError; }));
  const std::size_t warnings = list.size() - errors;
  if (list.size() < 2) return;
  print_note(errors == 0     ? counted(warnings, "warning")
             : warnings == 0 ? counted(errors, "error")
                             : counted(errors, "error") + ", " + counted(warnings, "warning"));
}

std::string diagnostics_json(const std::vector<Diagnostic>& list) {
  std::string text;
  for (const Diagnostic& diagnostic : list) {
    const Source& source = diagnostic.source;
    text +=
        fmt::format("{}{{\"severity\": \"{}\", \"code\": {}, \"file\": {}, \"line\": {}, \"column\": {}, \"message\": {}, \"help\": {}}}",
                    text.empty() ? "" : ", ", diagnostic.severity == Severity::kError ? "error" : "warning", json_quoted(diagnostic.code),
                    json_quoted(source.file ? *source.file : ""), source.line, source.column, json_quoted(diagnostic.message),
                    json_quoted(diagnostic.help));
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
