// Models from text or the repository, compiled, and what tests ask of a plan.
#pragma once

#include <string>
#include <vector>

#include "compiler/pipeline.h"
#include "core/diagnostics.h"

namespace tapeloop {

Compiled compile_text(const std::string& text, CompileOptions options = {});
Compiled compile_file(const std::string& path, CompileOptions options = {});  // below the source folder

// Codes of everything that is wrong with the text, in file order.
std::vector<std::string> codes_of(const std::string& text);
// The first message, formatted.
std::string message_of(const std::string& text);

// "t>(u>) t<": the scans of a program, in order of execution; > forwards, < backwards.
std::string nest_of(const Plan& plan, const Program& program);

// Names of the values that are made in bulk at the top level before the first scan, in scans, in bulk after the first scan.
struct Places {
  std::vector<std::string> before, inside, after;
};
Places places_of(const Plan& plan, const Program& program, OpCode op);

}  // namespace tapeloop
