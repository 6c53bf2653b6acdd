#include "models/facade/library.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "compiler/frontend/container_reader.h"
#include "models/facade/built_in_models.h"
#include "runtime/training/atomic_file.h"

namespace tapeloop {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kMaxModelBytes = std::uint64_t{1} << 26;  // the reader accepts less, and says so

using Found = std::shared_ptr<const Container>;

Found shared(std::optional<Container> container) { return container ? std::make_shared<const Container>(std::move(*container)) : nullptr; }

const BuiltInModel* find_built_in(std::string_view name, std::string_view folder = {}) {
  for (const BuiltInModel& model : built_in_models()) {
    if (model.name == name && (folder.empty() || model.folder == folder)) return &model;
  }
  return nullptr;
}

Found read_built_in(const BuiltInModel& model, Diagnostics& diagnostics) {
  return shared(read_container(model.yaml, fmt::format("{}.yaml", model.name), "", diagnostics));
}

Found read_file(const fs::path& path, Diagnostics& diagnostics) {
  const std::string text = read_whole_file(path.string(), kMaxModelBytes);
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  return shared(read_container(text, path.string(), folder.string(), diagnostics));
}

// The entry `op: file` of `use`.
const SectionItem<std::string>* find_use(const std::string& op, const Section<std::string>& use) {
  for (const SectionItem<std::string>& item : use) {
    if (!item.is_block() && item.key == op) return &item;
  }
  return nullptr;
}

// True if the path stays below the folder it is relative to, links followed.
bool stays_below(const fs::path& folder, const fs::path& path) {
  std::error_code error;
  const fs::path root = fs::weakly_canonical(folder, error);
  const fs::path target = fs::weakly_canonical(folder / path, error);
  const auto [end, _] = std::mismatch(root.begin(), root.end(), target.begin(), target.end());
  return !path.is_absolute() && !error && end == root.end();
}

class Library {
 public:
  Found find(const std::string& op, const Container& asker, Diagnostics& diagnostics) {
    if (const SectionItem<std::string>* use = find_use(op, asker.use)) return used(*use, asker, diagnostics);
    const fs::path beside = fs::path(asker.folder) / (op + ".yaml");
    std::error_code error;
    if (!asker.folder.empty() && op.find('/') == std::string::npos && fs::is_regular_file(beside, error)) return file(beside, diagnostics);
    if (const BuiltInModel* model = find_built_in(op, "cells")) {
      return once("built in: " + op, [&] { return read_built_in(*model, diagnostics); });
    }
    return nullptr;
  }

 private:
  Found used(const SectionItem<std::string>& use, const Container& asker, Diagnostics& diagnostics) {
    const fs::path folder = asker.folder.empty() ? fs::path(".") : fs::path(asker.folder);
    const fs::path path = folder / use.value;
    std::error_code error;
    if (use.value.empty()) return nullptr;  // the reader has refused it
    if (!stays_below(folder, use.value)) {
      diagnostics.error("E0901", use.source, fmt::format("'{}' leads out of the model's folder", use.value),
                        "name a file in the folder of the model or below it");
      return nullptr;
    }
    if (!fs::is_regular_file(path, error)) {
      diagnostics.error("E0910", use.source, fmt::format("'{}' is no file", path.string()), "paths are relative to the model's folder");
      return nullptr;
    }
    return file(path, diagnostics);
  }

  Found file(const fs::path& path, Diagnostics& diagnostics) {
    return once(path.string(), [&] { return read_file(path, diagnostics); });
  }

  template <class Read>
  Found once(const std::string& key, const Read& read) {
    const auto known = read_.find(key);
    return known != read_.end() ? known->second : read_[key] = read();
  }

  std::map<std::string, Found> read_;
};

}  // namespace

std::shared_ptr<const Container> open_container(const std::string& path_or_name, Diagnostics& diagnostics) {
  std::error_code error;
  if (fs::is_regular_file(path_or_name, error)) return read_file(path_or_name, diagnostics);
  if (const BuiltInModel* model = find_built_in(path_or_name)) return read_built_in(*model, diagnostics);
  std::vector<std::string> names;
  for (const BuiltInModel& model : built_in_models()) names.emplace_back(model.name);
  throw FileError("E0910", path_or_name, "no such file, and no built-in model of that name" + did_you_mean(path_or_name, names));
}

ContainerLoader make_loader() {
  return [library = std::make_shared<Library>()](const std::string& op, const Container& asker, Diagnostics& diagnostics) {
    return library->find(op, asker, diagnostics);
  };
}

}  // namespace tapeloop
