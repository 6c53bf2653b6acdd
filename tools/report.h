// How the tool speaks: results on stdout, everything else on stderr; colours on a terminal only, and never with NO_COLOR.
#pragma once

#include <string>
#include <vector>

#include "core/diagnostics.h"
#include "core/mode.h"

namespace tapeloop::tool {

void print_result(const std::string& text);  // on stdout, a line break is added where there is none
void print_note(const std::string& text);    // on stderr

// On stderr, one after the other, then how many there are.
void print_diagnostics(const std::vector<Diagnostic>& list);
// [{"severity": "error", "code": "E0203", "file": .., "line": 7, "column": 6, "message": .., "help": ..}]
std::string diagnostics_json(const std::vector<Diagnostic>& list);

// Rows of cells as columns, the first one to the left and the others to the right; the first row is the heading.
std::string table(const std::vector<std::vector<std::string>>& rows);

bool stderr_is_terminal();
Mode mode_of(const std::string& word);  // REQUIRES: train, eval or decode

}  // namespace tapeloop::tool
