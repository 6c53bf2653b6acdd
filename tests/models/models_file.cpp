#include "tests/models/models_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>
#include <utility>

#include "compiler/frontend/container_reader.h"

namespace tapeloop::testing {

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Model model_of(const std::string& yaml, const std::vector<std::string>& key_values) {
  Diagnostics diagnostics;
  std::optional<Container> container = read_container(yaml, "test.yaml", "", diagnostics);
  raise_errors(diagnostics);
  return Model(*container, key_values);
}

std::string source_path(const std::string& path) { return std::string(TAPELOOP_SOURCE_DIR) + "/" + path; }

Array<double> waves(std::vector<std::int64_t> dims, double pace) {
  std::int64_t count = 1;
  for (const std::int64_t dim : dims) count *= dim;
  Array<double> array{std::move(dims), {}};
  for (std::int64_t k = 0; k < count; ++k) array.data.push_back(std::sin(pace * static_cast<double>(k) + 0.3));
  return array;
}

std::vector<Block> yaml_blocks(const std::string& document) {
  std::vector<Block> blocks;
  std::istringstream lines(document);
  bool inside = false;
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line == "```yaml") {
      inside = true;
      blocks.push_back({number + 1, ""});
    } else if (line == "```") {
      inside = false;
    } else if (inside) {
      blocks.back().text += line + "\n";
    }
  }
  return blocks;
}

}  // namespace tapeloop::testing
