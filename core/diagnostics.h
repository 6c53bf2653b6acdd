// What is wrong with a model, a feed or data, in the user's words. Passes report here; the facade throws one ModelError.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/source.h"

namespace tapeloop {

enum class Severity { kError, kWarning };

struct Diagnostic {
  Severity severity = Severity::kError;
  std::string code;  // "E0203"; errors E, warnings W; core/codes.h lists them all
  Source source;
  std::string message;  // what was expected and why, and what was found, one line
  std::string help;     // what to do, one line; may be empty
};

// An ordered list without repetitions: a code is reported once at a position.
class Diagnostics {
 public:
  void error(std::string_view code, const Source& source, std::string message, std::string help = {});
  void warning(std::string_view code, const Source& source, std::string message, std::string help = {});

  bool has_errors() const { return errors_ > 0; }
  std::size_t errors() const { return errors_; }
  // In file order: by file in order of first appearance, then line, then column.
  std::vector<Diagnostic> sorted() const;

 private:
  void add(Diagnostic diagnostic);

  std::vector<Diagnostic> list_;
  std::size_t errors_ = 0;
};

// "gru.yaml:7:6: error E0203: 'z': linear needs units\n  help: add units=128"
std::string format(const Diagnostic& diagnostic);

// Thrown by the facade with everything that was found; what() is all of it, formatted.
class ModelError : public std::runtime_error {
 public:
  explicit ModelError(std::vector<Diagnostic> list);
  const std::vector<Diagnostic>& list() const { return list_; }

 private:
  std::vector<Diagnostic> list_;
};

// Throws ModelError if there are errors.
void raise_errors(const Diagnostics& diagnostics);

// The nearest of the names, as "; did you mean 'NAME'?", or "" if none is near.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& names);

}  // namespace tapeloop
