// YAML text to a tree in which every scalar is still text ("010", "on" and "n" mean what they say).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/diagnostics.h"
#include "core/tree.h"

namespace tapeloop {

inline constexpr std::size_t kMaxYamlBytes = std::size_t{1} << 20;
inline constexpr int kMaxYamlDepth = 64;
inline constexpr int kMaxYamlNodes = 100'000;

// Nothing if the text cannot be used at all. After a key that is given twice, an anchor or a tag (all reported) the tree is
// what remains, so that later checks can report their own. Empty values are empty scalars.
// A scalar over several lines keeps its line breaks and indentation, so that positions within it are exact: the column of
// a part is that of the scalar's first character for as long as there is no line break, from 1 on the lines after.
std::optional<Tree> read_yaml(std::string_view text, std::shared_ptr<const std::string> file, Diagnostics& diagnostics);

}  // namespace tapeloop
