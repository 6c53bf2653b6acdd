#include "core/codes.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>

namespace tapeloop {
namespace {

// Every "E0123" or "W0123" that the sources name, with a file that does.
std::map<std::string, std::string> used_codes() {
  std::map<std::string, std::string> result;
  const std::regex code("\"([EW]0[1-9][0-9]{2})\"");
  for (const char* folder : {"core", "nodes", "compiler", "runtime", "models", "tools"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(std::filesystem::path(TAPELOOP_SOURCE_DIR) / folder)) {
      const std::string extension = entry.path().extension();
      if ((extension != ".cpp" && extension != ".h") || entry.path().filename() == "codes.h") continue;
      std::ifstream file(entry.path());
      const std::string text{std::istreambuf_iterator<char>(file), {}};
      for (std::sregex_iterator at(text.begin(), text.end(), code); at != std::sregex_iterator(); ++at) {
        result.emplace((*at)[1], entry.path().string());
      }
    }
  }
  return result;
}

TEST(Codes, EveryCodeOfTheSourcesIsListed) {
  std::set<std::string_view> listed;
  for (const Code& code : kCodes) listed.insert(code.code);
  for (const auto& [code, file] : used_codes()) EXPECT_TRUE(listed.contains(code)) << code << " of " << file << " is not in core/codes.h";
}

TEST(Codes, EveryListedCodeIsUsed) {
  const std::map<std::string, std::string> used = used_codes();
  for (const Code& code : kCodes) EXPECT_TRUE(used.contains(std::string(code.code))) << code.code << ": " << code.meaning;
}

TEST(Codes, AreListedOnceAndInOrder) {
  std::map<char, std::string_view> last;
  for (const Code& code : kCodes) {
    EXPECT_LT(last[code.code[0]], code.code);
    EXPECT_FALSE(code.meaning.empty());
    last[code.code[0]] = code.code;
  }
}

}  // namespace
}  // namespace tapeloop
