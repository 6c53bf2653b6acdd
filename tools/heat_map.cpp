#include "tools/heat_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace tapeloop::tool {
namespace {

constexpr double kRow = 18, kTop = 34, kWidth = 640, kGap = 8, kLetter = 7.2;  // pixels
constexpr std::size_t kColumns = 400;
constexpr double kLeastDecades = 1;
constexpr double kMostDecades = 16;  // below the largest: smaller ones look alike

// Dark blue, teal, green, yellow: rising lightness, told apart also without seeing red and green.
constexpr std::array<std::array<double, 3>, 5> kColours{{{68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {253, 231, 37}}};

std::string colour(double part) {
  const double at = std::clamp(part, 0.0, 1.0) * (kColours.size() - 1);
  const auto low = std::min(static_cast<std::size_t>(at), kColours.size() - 2);
  const double rest = at - static_cast<double>(low);
  std::array<int, 3> mixed{};
  for (std::size_t k = 0; k < 3; ++k) mixed[k] = static_cast<int>(std::lround(kColours[low][k] * (1 - rest) + kColours[low + 1][k] * rest));
  return fmt::format("#{:02x}{:02x}{:02x}", mixed[0], mixed[1], mixed[2]);
}

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) result += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
  return result;
}

using Cells = std::vector<std::optional<double>>;

Cells joined(const Cells& cells, std::size_t each) {
  Cells result;
  for (std::size_t begin = 0; begin < cells.size(); begin += each) {
    double squares = 0, count = 0;
    for (std::size_t k = begin; k < std::min(begin + each, cells.size()); ++k) {
      if (!cells[k]) continue;
      squares += *cells[k] * *cells[k];
      count += 1;
    }
    result.push_back(count > 0 ? std::optional(std::sqrt(squares / count)) : std::nullopt);
  }
  return result;
}

struct Scale {
  double low = 0, high = 0;  // logarithms to the base 10
  double part(double value) const { return (std::log10(value) - low) / (high - low); }
};

Scale scale_of(const HeatMap& map) {
  double low = 0, high = 0;
  bool any = false;
  for (const HeatMap::Row& row : map.rows) {
    for (const std::optional<double>& cell : row.cells) {
      if (!cell || !(*cell > 0) || !std::isfinite(*cell)) continue;
      const double value = std::log10(*cell);
      low = any ? std::min(low, value) : value;
      high = any ? std::max(high, value) : value;
      any = true;
    }
  }
  return {std::max(std::min(low, high - kLeastDecades), high - kMostDecades), high};
}

std::string cell_svg(double x, double y, double width, const std::optional<double>& value, const Scale& scale) {
  if (!value) return "";
  const std::string place = fmt::format("x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\"", x, y, width + 0.3, kRow - 2);
  if (*value == 0) return fmt::format("<rect {} class=\"zero\"/>", place);
  const std::string fill = std::isfinite(*value) ? colour(scale.part(*value)) : "#e00000";
  return fmt::format("<rect {} fill=\"{}\"><title>{:.3g}</title></rect>", place, fill, *value);
}

std::string legend(double left, double y, const Scale& scale) {
  constexpr int kSteps = 40;
  constexpr double kLength = 200;
  std::string text;
  for (int k = 0; k < kSteps; ++k) {
    text += fmt::format("<rect x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"10\" fill=\"{}\"/>", left + k * kLength / kSteps, y,
                        kLength / kSteps + 0.3, colour((k + 0.5) / kSteps));
  }
  text += fmt::format("<text x=\"{:.2f}\" y=\"{:.2f}\">1e{:.0f}</text>", left, y + 24, std::floor(scale.low + 0.5));
  text += fmt::format("<text x=\"{:.2f}\" y=\"{:.2f}\" text-anchor=\"end\">1e{:.0f}</text>", left + kLength, y + 24,
                      std::floor(scale.high + 0.5));
  text +=
      fmt::format("<rect x=\"{:.2f}\" y=\"{:.2f}\" width=\"14\" height=\"10\" class=\"zero\"/><text x=\"{:.2f}\" y=\"{:.2f}\">0</text>\n",
                  left + kLength + 24, y, left + kLength + 44, y + 10);
  return text;
}

}  // namespace

std::string svg(const HeatMap& map) {
  std::size_t columns = 1, longest = 0;
  for (const HeatMap::Row& row : map.rows) {
    columns = std::max(columns, row.cells.size());
    longest = std::max(longest, row.name.size());
  }
  const std::size_t each = (columns + kColumns - 1) / kColumns;
  const double width = kWidth / static_cast<double>((columns + each - 1) / each);
  const double left = kGap + kLetter * static_cast<double>(longest) + kGap;
  const double bottom = kTop + kRow * static_cast<double>(map.rows.size());
  const Scale scale = scale_of(map);
  std::string text = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\">\n"
      "<style>text {{ font: 12px monospace; fill: #222; }} .zero {{ fill: none; stroke: #888; stroke-width: 0.5; }}\n"
      "@media (prefers-color-scheme: dark) {{ text {{ fill: #ddd; }} }}</style>\n",
      left + kWidth + kGap, bottom + 66);
  text += fmt::format("<text x=\"{}\" y=\"20\" font-weight=\"bold\">{}</text>\n", kGap, escaped(map.title));
  for (std::size_t r = 0; r < map.rows.size(); ++r) {
    const double y = kTop + kRow * static_cast<double>(r);
    text += fmt::format("<text x=\"{:.2f}\" y=\"{:.2f}\" text-anchor=\"end\">{}</text>", left - kGap, y + 12, escaped(map.rows[r].name));
    const Cells cells = joined(map.rows[r].cells, each);
    for (std::size_t k = 0; k < cells.size(); ++k) text += cell_svg(left + width * static_cast<double>(k), y, width, cells[k], scale);
    text += "\n";
  }
  text += fmt::format("<text x=\"{:.2f}\" y=\"{:.2f}\">{}</text>\n", left, bottom + 14, escaped(map.under));
  return text + legend(left, bottom + 28, scale) + "</svg>\n";
}

}  // namespace tapeloop::tool
