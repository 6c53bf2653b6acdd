// Text to expression trees: the grammar is on top of core/expression.h.
#pragma once

#include <string_view>
#include <vector>

#include "compiler/frontend/names.h"
#include "core/diagnostics.h"
#include "core/expression.h"

namespace tapeloop {

inline constexpr std::size_t kMaxEquationBytes = 64 * 1024;
inline constexpr int kMaxNesting = 200;           // parentheses, calls and signs within each other
inline constexpr int kMaxExpressionDepth = 1000;  // of the tree: a + b + c + ... is one level for each term

// The tree of an equation, or null after reporting what is wrong. `start` is where the first character of the text stands;
// every part gets the line and column of its first token (of a binary operator: of its left operand's).
// Names keep their {...} and their _tm1; a name that is only {...} may turn out to be a number ("2 * {j}").
// All {...} have been checked by then.
ExpressionPtr parse_equation(std::string_view text, const Source& start, Diagnostics& diagnostics);

// The ranges of a `for`, without that word: "i in 1..layers, k in [a, b]". Empty after an error.
std::vector<ForRange> parse_ranges(std::string_view text, const Source& start, Diagnostics& diagnostics);

}  // namespace tapeloop
