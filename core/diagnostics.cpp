#include "core/diagnostics.h"

#include <algorithm>
#include <map>
#include <utility>

namespace tapeloop {
namespace {

std::string joined(const std::vector<Diagnostic>& list) {
  std::string text;
  for (const Diagnostic& diagnostic : list) text += (text.empty() ? "" : "\n") + format(diagnostic);
  return text;
}

// A text with more mistakes is something else than a model; the rest would only take time.
constexpr std::size_t kMostKept = 10'000;       // errors, and as many warnings
constexpr std::size_t kMostCandidates = 1'000;  // names that a misspelt one is compared with

// Levenshtein distance with transpositions of neighbours, case folded at half cost rounded up.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t differ = a[i - 1] != b[j - 1];
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + differ});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

void Diagnostics::error(std::string_view code, const Source& source, std::string message, std::string help) {
  add({Severity::kError, std::string(code), source, std::move(message), std::move(help)});
}

void Diagnostics::warning(std::string_view code, const Source& source, std::string message, std::string help) {
  add({Severity::kWarning, std::string(code), source, std::move(message), std::move(help)});
}

void Diagnostics::add(Diagnostic diagnostic) {
  const bool error = diagnostic.severity == Severity::kError;
  if ((error ? errors_ : list_.size() - errors_) >= kMostKept) return;
  for (const Diagnostic& other : list_) {
    const bool same_place = other.source.line == diagnostic.source.line && other.source.column == diagnostic.source.column &&
                            (other.source.file ? *other.source.file : "") == (diagnostic.source.file ? *diagnostic.source.file : "");
    if (same_place && other.code == diagnostic.code && (diagnostic.source.known() || other.message == diagnostic.message)) return;
  }
  errors_ += error;
  list_.push_back(std::move(diagnostic));
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::map<std::string, std::size_t> order;
  for (const Diagnostic& diagnostic : list_) order.emplace(diagnostic.source.file ? *diagnostic.source.file : "", order.size());
  const auto key = [&](const Diagnostic& d) {
    return std::tuple(order.at(d.source.file ? *d.source.file : ""), d.source.line, d.source.column);
  };
  std::vector<Diagnostic> result = list_;
  std::stable_sort(result.begin(), result.end(), [&](const Diagnostic& a, const Diagnostic& b) { return key(a) < key(b); });
  return result;
}

std::string format(const Diagnostic& diagnostic) {
  const char* severity = diagnostic.severity == Severity::kError ? "error" : "warning";
  std::string text = diagnostic.source.text() + ": " + severity + " " + diagnostic.code + ": " + diagnostic.message;
  if (!diagnostic.help.empty()) text += "\n  help: " + diagnostic.help;
  return text;
}

ModelError::ModelError(std::vector<Diagnostic> list) : std::runtime_error(joined(list)), list_(std::move(list)) {}

void raise_errors(const Diagnostics& diagnostics) {
  if (diagnostics.has_errors()) throw ModelError(diagnostics.sorted());
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& names) {
  if (names.size() > kMostCandidates) return "";
  const std::string* best = nullptr;
  std::size_t least = name.size() <= 3 ? 2 : 1 + name.size() / 3;  // farther than this is no likeness
  for (const std::string& candidate : names) {
    const std::size_t longer = std::max(name.size(), candidate.size()) - std::min(name.size(), candidate.size());
    if (longer >= least) continue;
    const std::size_t found = distance(name, candidate);
    if (found < least) {
      least = found;
      best = &candidate;
    }
  }
  return best ? "; did you mean '" + *best + "'?" : "";
}

}  // namespace tapeloop
