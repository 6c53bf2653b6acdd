// The line that a diagnostic is about, with marks under what it points at.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/diagnostics.h"

namespace tapeloop {

struct Excerpt {
  std::string line;    // without its line break; of a long one what is around the place
  std::string marks;   // "     ^~~~": as many columns to the left as the line has there, tabs as tabs
  int end_column = 0;  // behind the word that begins at the place, from 1, in bytes as Source::column
};

// Columns on a terminal are not bytes: accents take none, East Asian characters two. Nothing for a line that the text does not have.
std::optional<Excerpt> excerpt_of(std::string_view text, int line, int column);

// Of the model file that the diagnostic names, or of the built-in model; nothing if it names none, or it cannot be read.
std::optional<Excerpt> excerpt_of(const Diagnostic& diagnostic);

// As format(), with the line and its marks between the message and the help.
std::string format_with_excerpt(const Diagnostic& diagnostic);

}  // namespace tapeloop
