// A unit that is compiled for several instruction sets must share no weak function with others: the linker keeps one copy of
// such a function, maybe that for AVX-512, and every caller on an older processor would stumble over it.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace tapeloop {
namespace {

// Lines of `nm -C` for one member of an archive.
std::vector<std::string> symbols(const std::string& archive, const std::string& member) {
  const std::string command = "nm -C '" + archive + "' 2>&1";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  std::vector<std::string> found;
  std::array<char, 4096> line{};
  bool inside = false;
  while (pipe && std::fgets(line.data(), static_cast<int>(line.size()), pipe.get())) {
    const std::string text(line.data());
    if (text.ends_with(".o:\n")) {
      inside = text.starts_with(member);
    } else if (inside) {
      found.push_back(text);
    }
  }
  return found;
}

bool is_weak(const std::string& symbol) {
  // No code: what a sanitizer tells types by, and where it finds what unwinds the stack.
  if (symbol.find(" typeinfo ") != std::string::npos || symbol.find(" DW.ref.") != std::string::npos) return false;
  for (const char* kind : {" W ", " V ", " u "}) {
    if (symbol.find(kind) != std::string::npos) return true;
  }
  return false;
}

// "::N_AVX2::" is the namespace of one instruction set; hwy:: outside it is Highway's dispatch, compiled for any processor.
bool stays_at_home(const std::string& symbol) {
  return symbol.find("::N_") != std::string::npos || symbol.find(" hwy::") != std::string::npos;
}

void expect_no_leak(const std::string& archive, const std::string& member) {
  const std::vector<std::string> found = symbols(archive, member);
  int own = 0;
  for (const std::string& symbol : found) {
    own += symbol.find("tapeloop::N_") != std::string::npos;
    EXPECT_TRUE(!is_weak(symbol) || stays_at_home(symbol)) << symbol;
  }
  EXPECT_GT(own, 0) << member << ": the archive was not found, or has no vector unit";
}

TEST(VectorUnits, LetNoWeakSymbolOutOfTheirNamespaces) {
  expect_no_leak(TAPELOOP_BINARY_DIR "/nodes/libtapeloop_nodes.a", "point_table.cpp.o");
  expect_no_leak(TAPELOOP_BINARY_DIR "/libtapeloop_runtime.a", "product_kernels.cpp.o");
  expect_no_leak(TAPELOOP_BINARY_DIR "/libtapeloop_runtime.a", "chain_kernels.cpp.o");
}

}  // namespace
}  // namespace tapeloop
