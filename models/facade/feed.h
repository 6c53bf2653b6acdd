// The JSON feed of a run. The contract of `tapeloop run`:
//
//   {"parameters": {name: array}, "inputs": {name: array}, "lengths": {axis: lengths}, "cotangents": {output: array}}
//
// Arrays are nested lists [example][position on each axis, outermost first][shape]. A list along an axis may be padded to the
// longest run, or end where its run ends. Lengths are lists [example][position on each axis that the axis lies within];
// without them a run is as long as its list in the first input on the axis.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/diagnostics.h"
#include "core/graph.h"
#include "runtime/batch.h"

namespace tapeloop {

// A number, or a list of these.
struct Nested {
  bool is_list = false;
  double number = 0;
  std::vector<Nested> items;
};

struct Feed {
  using Arrays = std::vector<std::pair<std::string, Nested>>;  // in the order of the file, no name twice

  std::string file;
  Arrays parameters, inputs, lengths, cotangents;

  static const Nested* find(const Arrays& arrays, std::string_view name);
};

// Throws ModelError: no JSON, an unknown key, a key given twice, something else than numbers in lists.
Feed parse_feed(std::string_view json, const std::string& file);

// The same of a file; a feed has at most 256 MiB. Throws FileError, too.
Feed read_feed(const std::string& path);

// The feed as JSON text: what parse_feed reads.
std::string feed_json(const Feed& feed);

// The shape behind the axes of everything fed, where the feed tells it (an empty list tells nothing). It binds free sizes
// before shapes are inferred. `expanded` says how many dimensions an input has behind its axes.
std::map<std::string, std::vector<std::int64_t>> fed_shapes(const Feed& feed, const Graph& expanded);

// The inputs and lengths of the feed as a batch for an inferred graph; what does not fit is reported.
template <class T>
Batch<T> batch_of(const Feed& feed, const Graph& graph, Diagnostics& diagnostics);

// Every parameter of the graph, from the feed; a missing one is an error.
template <class T>
std::map<std::string, Array<T>> parameters_of(const Feed& feed, const Graph& graph, Diagnostics& diagnostics);

// A cotangent for an output with these dims, [rows, longest run of each axis, shape]: `axes` of them are axes.
template <class T>
Array<T> cotangent_of(const Feed& feed, const std::string& output, const std::vector<std::int64_t>& dims, std::size_t axes,
                      Diagnostics& diagnostics);

}  // namespace tapeloop
