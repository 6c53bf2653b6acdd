// A page for every code that a diagnostic may have: what it means, and a wrong and a right example. The pages are models/explanations/,
// compiled in; tests run every example that can be run.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tapeloop {

struct Explanation {
  std::string code;     // "E0312"
  std::string meaning;  // one line
  std::string text;     // why it is so, and what to do
  // Of the examples: yaml (a model), json (a feed of `model`), sh (commands), cpp or text (excerpts).
  std::string language;
  std::string model;         // of json
  std::string base;          // the built-in model of which the examples are changes; "": they stand for themselves
  std::string wrong, right;  // without the blank lines around them
};

// In the order of core/codes.h. Made once; safe from any thread.
const std::vector<Explanation>& explanations();
const Explanation* find_explanation(std::string_view code);  // null: there is no such code

// The page as `tapeloop explain` prints it. Of a changed built-in model the changed lines.
std::string explanation_page(const Explanation& explanation);

}  // namespace tapeloop
