// How the tool speaks: results on stdout, everything else on stderr; colours on a terminal only, and never with NO_COLOR.
#pragma once

#include <string>
#include <vector>

#include "core/diagnostics.h"
#include "core/mode.h"
#include "runtime/training/atomic_file.h"

namespace tapeloop::tool {

void print_result(const std::string& text);  // on stdout, a line break is added where there is none
void print_note(const std::string& text);    // on stderr

// How diagnostics are printed: --diagnostics and --all.
struct DiagnosticsStyle {
  std::string format = "text";  // text or json
  bool all = false;             // else the first kShownDiagnostics errors, and as many warnings
};
inline constexpr std::size_t kShownDiagnostics = 20;

// On stderr: as text with the lines that they are about, one after the other, then how many there are; or one JSON document,
// {"errors": 3, "warnings": 0, "not_shown": 0, "diagnostics": [..]}.
void print_diagnostics(const std::vector<Diagnostic>& list, const DiagnosticsStyle& style);
// Likewise.
void print_file_error(const FileError& error, const DiagnosticsStyle& style);
// [{"severity": "error", "code": "E0203", "file": .., "line": 7, "column": 6, "end_column": 9, "message": .., "expected": ..,
// "found": .., "help": ..}]; columns count bytes from 1; null: not known.
std::string diagnostics_json(const std::vector<Diagnostic>& list);

// Rows of cells as columns, the first one to the left and the others to the right; the first row is the heading.
std::string table(const std::vector<std::vector<std::string>>& rows);

bool stderr_is_terminal();
Mode mode_of(const std::string& word);  // REQUIRES: train, eval or decode

}  // namespace tapeloop::tool
