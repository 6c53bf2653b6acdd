#include "tests/faults/power.h"

namespace tapeloop::faults {

Disk::Disk(const Files& files) {
  for (const auto& [path, bytes] : files) {
    names_[path] = files_.size();
    files_.push_back({bytes, bytes.size()});
  }
  synced_ = names_;
}

void Disk::apply(const Change& change, std::map<std::string, File>& names) {
  names.erase(change.gone);
  if (!change.appears.empty()) names[change.appears] = change.file;
}

void Disk::change(const Change& change) {
  apply(change, names_);
  changes_.push_back(change);
}

void Disk::apply(const Operation& operation) {
  switch (operation.kind) {
    case Operation::Kind::kCreate:
      files_.emplace_back();
      return change({"", operation.path, files_.size() - 1});
    case Operation::Kind::kWrite:
      files_[names_.at(operation.path)].bytes += operation.bytes;
      return;
    case Operation::Kind::kSync: {
      const auto file = names_.find(operation.path);
      if (file != names_.end()) {
        files_[file->second].synced = files_[file->second].bytes.size();
      } else {  // the folder
        synced_ = names_;
        changes_.clear();
      }
      return;
    }
    case Operation::Kind::kLink:
      return change({"", operation.to, names_.at(operation.path)});
    case Operation::Kind::kRename:
      return change({operation.path, operation.to, names_.at(operation.path)});
    case Operation::Kind::kUnlink:
      return change({operation.path, "", 0});
  }
}

Files Disk::read(const std::map<std::string, File>& names, double part) const {
  Files result;
  for (const auto& [path, file] : names) {
    const Content& content = files_[file];
    const auto more = static_cast<std::size_t>(part * static_cast<double>(content.bytes.size() - content.synced));
    result[path] = content.bytes.substr(0, content.synced + more);
  }
  return result;
}

std::vector<Files> Disk::after_power_loss() const {
  std::vector<Files> result;
  for (std::size_t chosen = 0; chosen < std::size_t{1} << changes_.size(); ++chosen) {
    std::map<std::string, File> names = synced_;
    for (std::size_t k = 0; k < changes_.size(); ++k) {
      if ((chosen >> k & 1) != 0) apply(changes_[k], names);
    }
    for (const double part : {0.0, 0.5, 1.0}) result.push_back(read(names, part));
  }
  return result;
}

}  // namespace tapeloop::faults
