#include "compiler/passes/strong_components.h"

#include <boost/graph/compressed_sparse_row_graph.hpp>
#include <boost/graph/strong_components.hpp>
#include <functional>
#include <queue>
#include <tuple>

namespace tapeloop {

std::vector<std::vector<std::int32_t>> strong_components(std::int32_t vertices,
                                                         const std::vector<std::pair<std::int32_t, std::int32_t>>& edges,
                                                         const std::vector<char>& loops) {
  using Csr = boost::compressed_sparse_row_graph<boost::directedS, boost::no_property, boost::no_property, boost::no_property,
                                                 std::uint32_t, std::uint32_t>;
  const Csr graph(boost::edges_are_unsorted_multi_pass, edges.begin(), edges.end(), static_cast<std::uint32_t>(vertices));
  std::vector<std::uint32_t> component(static_cast<std::size_t>(vertices));
  const auto index = boost::get(boost::vertex_index, graph);
  const std::size_t count = boost::strong_components(graph, boost::make_iterator_property_map(component.begin(), index));

  std::vector<std::vector<std::int32_t>> members(count);
  for (std::int32_t v = 0; v < vertices; ++v) members[component[static_cast<std::size_t>(v)]].push_back(v);

  std::vector<std::vector<std::uint32_t>> after(count);
  std::vector<std::int32_t> waits_for(count);
  for (const auto& [producer, reader] : edges) {
    const std::uint32_t from = component[static_cast<std::size_t>(producer)];
    const std::uint32_t to = component[static_cast<std::size_t>(reader)];
    if (from == to) continue;
    after[from].push_back(to);
    ++waits_for[to];
  }

  using Ready = std::tuple<bool, std::int32_t, std::uint32_t>;  // larger than one, first vertex, component
  std::priority_queue<Ready, std::vector<Ready>, std::greater<>> ready;
  const auto push = [&](std::uint32_t c) {
    const bool larger = members[c].size() > 1 || loops[static_cast<std::size_t>(members[c][0])];
    ready.emplace(larger, members[c][0], c);
  };
  for (std::uint32_t c = 0; c < count; ++c) {
    if (waits_for[c] == 0) push(c);
  }
  std::vector<std::vector<std::int32_t>> order;
  order.reserve(count);
  while (!ready.empty()) {
    const std::uint32_t c = std::get<2>(ready.top());
    ready.pop();
    order.push_back(members[c]);
    for (const std::uint32_t next : after[c]) {
      if (--waits_for[next] == 0) push(next);
    }
  }
  return order;
}

}  // namespace tapeloop
