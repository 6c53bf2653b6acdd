// The rules of the house that a compiler does not check: who may include whom, which library stays where, sizes, words.
//
//   core <- {nodes, compiler, runtime} <- models <- {tools, bench, tests}        the middle three never include each other
//
// Each rule is a function from files to sentences, one for each breach, so that a test can try it on files made wrong.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace tapeloop::house {

struct File {
  std::string path;  // from the root of the repository: "core/shape.h"
  std::string text;

  std::string folder() const;  // "core"; "" for a file in the root
  bool is_header() const { return path.ends_with(".h"); }
  bool is_unit() const { return path.ends_with(".cpp"); }
};

struct Include {
  std::string target;  // "core/shape.h", "vector"
  bool angled = false;
  int line = 0;
};
std::vector<Include> includes(const File& file);

// Every text file of the repository but builds, runs and data, by path.
std::vector<File> read_tree(const std::filesystem::path& root);

using Breaches = std::vector<std::string>;

// A folder may include itself and those below it, root-relative; a file that is included exists.
Breaches layering(const std::vector<File>& files);
// Slow or bulky libraries stay in few .cpp files and out of headers (Highway: in headers of nodes/ only).
Breaches libraries(const std::vector<File>& files);
// x.cpp includes x.h before anything else, where there is one.
Breaches own_header_first(const std::vector<File>& files);
// No .cpp or .h above 600 lines.
Breaches sizes(const std::vector<File>& files);
// .cpp files above 400 lines: to be looked at, no breach.
Breaches large_units(const std::vector<File>& files);
// Paths of one machine, and file names that say nothing.
Breaches words(const std::vector<File>& files);
// Every folder at the top has a README.md.
Breaches readmes(const std::vector<File>& files);
// Every .cpp is built; `commands` is compile_commands.json, `skipped` the folders that this build leaves out.
Breaches unbuilt(const std::vector<File>& files, const std::string& commands, const std::vector<std::string>& skipped);

}  // namespace tapeloop::house
