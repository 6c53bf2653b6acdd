#include "tests/house/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

namespace tapeloop::house {
namespace {

const std::map<std::string, std::set<std::string>>& allowed_folders() {
  static const std::map<std::string, std::set<std::string>> kAllowed = {
      {"core", {}},
      {"nodes", {"core"}},
      {"compiler", {"core"}},
      {"runtime", {"core"}},
      {"models", {"core", "nodes", "compiler", "runtime"}},
      {"tools", {"core", "nodes", "compiler", "runtime", "models"}},
      {"bench", {"core", "nodes", "compiler", "runtime", "models"}},
      {"tests", {"core", "nodes", "compiler", "runtime", "models", "tools"}},
  };
  return kAllowed;
}

std::string first_folder(const std::string& path) {
  const std::size_t slash = path.find('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

bool is_code(const File& file) { return file.is_header() || file.is_unit(); }

std::size_t line_count(const File& file) { return static_cast<std::size_t>(std::count(file.text.begin(), file.text.end(), '\n')); }

// A library that few files may include. `header_folder`: its headers may too.
struct Library {
  std::string name;
  std::string prefix;
  std::size_t max_units;
  std::string header_ending;  // of headers that may include it; empty: none
};

Breaches breaches_of(const Library& library, const std::vector<File>& files) {
  Breaches found;
  std::vector<std::string> units;
  for (const File& file : files) {
    if (!is_code(file) || file.folder() == "tests" || file.folder() == "bench") continue;
    for (const Include& include : includes(file)) {
      if (!include.target.starts_with(library.prefix)) continue;
      if (!file.is_header()) {
        units.push_back(file.path);
        break;
      }
      if (!library.header_ending.empty() && file.path.ends_with(library.header_ending)) continue;
      found.push_back(fmt::format("{}:{}: {} in a header", file.path, include.line, library.name));
    }
  }
  if (units.size() > library.max_units) {
    found.push_back(
        fmt::format("{} is in {} .cpp files, at most {}: {}", library.name, units.size(), library.max_units, fmt::join(units, ", ")));
  }
  return found;
}

bool is_skipped(const std::filesystem::path& relative) {
  const std::string first = relative.begin()->string();
  return first == ".git" || first == "runs" || first.starts_with("build");
}

bool is_text(const std::filesystem::path& path) {
  static const std::set<std::string> kText = {".h", ".cpp", ".md", ".txt", ".cmake", ".json", ".yaml", "", ".in"};
  return kText.contains(path.extension().string());
}

}  // namespace

std::string File::folder() const { return first_folder(path); }

std::vector<Include> includes(const File& file) {
  static const std::regex kInclude(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"].*$)re");
  std::vector<Include> list;
  std::istringstream lines(file.text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::smatch match;
    if (line.find("include") != std::string::npos && std::regex_match(line, match, kInclude)) {
      list.push_back({match[2].str(), match[1].str() == "<", number});
    }
  }
  return list;
}

std::vector<File> read_tree(const std::filesystem::path& root) {
  std::vector<File> files;
  auto walk = std::filesystem::recursive_directory_iterator(root);
  for (const std::filesystem::directory_entry& entry : walk) {
    const std::filesystem::path relative = entry.path().lexically_relative(root);
    if (is_skipped(relative)) {
      if (entry.is_directory()) walk.disable_recursion_pending();
      continue;
    }
    if (!entry.is_regular_file() || !is_text(relative)) continue;
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    files.push_back({relative.generic_string(), text.str()});
  }
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.path < b.path; });
  return files;
}

Breaches layering(const std::vector<File>& files) {
  Breaches found;
  std::set<std::string> paths;
  for (const File& file : files) paths.insert(file.path);
  for (const File& file : files) {
    const auto allowed = allowed_folders().find(file.folder());
    if (!is_code(file)) continue;
    for (const Include& include : includes(file)) {
      const std::string folder = first_folder(include.target);
      const std::string place = fmt::format("{}:{}", file.path, include.line);
      if (include.angled) {
        if (allowed_folders().contains(folder)) found.push_back(fmt::format("{}: our own {} in angle brackets", place, include.target));
      } else if (allowed == allowed_folders().end()) {
        found.push_back(fmt::format("{}: code outside the folders of the house", place));
      } else if (folder != file.folder() && !allowed->second.contains(folder)) {
        found.push_back(fmt::format("{}: {} may not include {}", place, file.folder(), include.target));
      } else if (!paths.contains(include.target) && !paths.contains(include.target + ".in") && folder != "nodes") {
        found.push_back(fmt::format("{}: there is no {}", place, include.target));
      }
    }
  }
  return found;
}

Breaches libraries(const std::vector<File>& files) {
  static const std::vector<Library> kLibraries = {
      {"Boost", "boost/", 1, ""}, {"yaml-cpp", "yaml-cpp/", 1, ""},    {"CLI11", "CLI/", 1, ""},
      {"Eigen", "Eigen/", 4, ""}, {"Highway", "hwy/", 2000, "-inl.h"}, {"nlohmann-json", "nlohmann/", 2000, ""},
  };
  Breaches found;
  for (const Library& library : kLibraries) {
    const Breaches more = breaches_of(library, files);
    found.insert(found.end(), more.begin(), more.end());
  }
  return found;
}

Breaches own_header_first(const std::vector<File>& files) {
  std::set<std::string> paths;
  for (const File& file : files) paths.insert(file.path);
  Breaches found;
  for (const File& file : files) {
    if (!file.is_unit()) continue;
    const std::string own = file.path.substr(0, file.path.size() - 4) + ".h";
    const std::vector<Include> list = includes(file);
    if (paths.contains(own) && (list.empty() || list.front().target != own)) {
      found.push_back(fmt::format("{}: the first include is not {}", file.path, own));
    }
  }
  return found;
}

Breaches sizes(const std::vector<File>& files) {
  Breaches found;
  for (const File& file : files) {
    const std::size_t lines = line_count(file);
    if (is_code(file) && lines > 600) found.push_back(fmt::format("{}: {} lines, at most 600", file.path, lines));
  }
  return found;
}

Breaches large_units(const std::vector<File>& files) {
  Breaches found;
  for (const File& file : files) {
    const std::size_t lines = line_count(file);
    if (file.is_unit() && lines > 400) found.push_back(fmt::format("{}: {} lines, 400 are a lot", file.path, lines));
  }
  return found;
}

Breaches words(const std::vector<File>& files) {
  // Written backwards, so that this file is not found.
  static const std::vector<std::string> kBackwards = {"/krow/", "/pmt/", "/emoh/", "derahs/..", "ODOT", "EMXIF"};
  static const std::set<std::string> kEmptyNames = {"utils", "util", "common", "helpers", "helper", "misc"};
  Breaches found;
  for (const File& file : files) {
    const std::filesystem::path path(file.path);
    if (is_code(file) && kEmptyNames.contains(path.stem().string())) found.push_back(fmt::format("{}: the name says nothing", file.path));
    for (const std::string& backwards : kBackwards) {
      const std::string word(backwards.rbegin(), backwards.rend());
      const std::size_t at = file.text.find(word);
      if (at == std::string::npos) continue;
      const auto line = 1 + std::count(file.text.begin(), file.text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
      found.push_back(fmt::format("{}:{}: '{}'", file.path, line, word));
    }
  }
  return found;
}

Breaches readmes(const std::vector<File>& files) {
  std::set<std::string> paths;
  for (const File& file : files) paths.insert(file.path);
  Breaches found;
  for (const auto& [folder, allowed] : allowed_folders()) {
    if (!paths.contains(folder + "/README.md")) found.push_back(folder + ": no README.md");
  }
  return found;
}

Breaches unbuilt(const std::vector<File>& files, const std::string& commands, const std::vector<std::string>& skipped) {
  std::set<std::string> built;
  for (const nlohmann::json& command : nlohmann::json::parse(commands)) built.insert(command.at("file").get<std::string>());
  Breaches found;
  for (const File& file : files) {
    const auto is_file = [&](const std::string& absolute) { return absolute.ends_with("/" + file.path); };
    const auto is_below = [&](const std::string& folder) { return file.path.starts_with(folder + "/"); };
    if (!file.is_unit() || std::any_of(skipped.begin(), skipped.end(), is_below)) continue;
    if (std::none_of(built.begin(), built.end(), is_file)) found.push_back(file.path + ": no target builds it");
  }
  return found;
}

}  // namespace tapeloop::house
