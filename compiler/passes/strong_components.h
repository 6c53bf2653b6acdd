// Strongly connected components of a small dense-numbered graph. The one unit that includes Boost.Graph.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace tapeloop {

// Components in topological order (producers first); vertices inside ascend. Of those that could come next, single vertices
// come before larger components, then the smaller first vertex. `loops[v]` says that v reads itself and counts as larger.
std::vector<std::vector<std::int32_t>> strong_components(std::int32_t vertices,
                                                         const std::vector<std::pair<std::int32_t, std::int32_t>>& edges,
                                                         const std::vector<char>& loops);

}  // namespace tapeloop
