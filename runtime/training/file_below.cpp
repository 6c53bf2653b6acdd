#include "runtime/training/file_below.h"

#include <filesystem>

namespace tapeloop {
namespace {

bool lies_below(const std::filesystem::path& path, const std::filesystem::path& folder) {
  const std::filesystem::path relative = path.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

}  // namespace

FileBelow find_below(const std::string& written, const std::vector<std::string>& folders, bool folders_too) {
  const std::filesystem::path plain = std::filesystem::path(written).lexically_normal();
  if (plain.is_absolute() || (!plain.empty() && *plain.begin() == "..")) return {"", true};
  for (const std::string& name : folders) {
    std::error_code error;
    const std::filesystem::path folder = std::filesystem::weakly_canonical(name.empty() ? "." : name, error);
    const std::filesystem::path path = std::filesystem::weakly_canonical(folder / written, error);
    if (!lies_below(path, folder)) return {"", true};
    if (std::filesystem::is_regular_file(path, error) || (folders_too && std::filesystem::is_directory(path, error))) {
      return {path.string(), false};
    }
  }
  return {};
}

}  // namespace tapeloop
