// Numbers of many sizes as a picture: rows of cells, coloured by their logarithms.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tapeloop::tool {

struct HeatMap {
  std::string title, under;  // a line above, a line below: what the columns are
  struct Row {
    std::string name;
    std::vector<std::optional<double>> cells;  // none: left out; 0 has a colour of its own
  };
  std::vector<Row> rows;
};

// An SVG document that is readable on a light and on a dark ground. More than 400 columns are joined, each of the root of the mean
// square of what it stands for.
std::string svg(const HeatMap& map);

}  // namespace tapeloop::tool
