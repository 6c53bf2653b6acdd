// What a training leaves behind, in one folder:
//   config.yaml              the resolved configuration, as the caller gives it
//   metrics.csv              a line an epoch          metrics.jsonl   the same, a JSON object an epoch
//   best.safetensors         the parameters to use    last.safetensors   those after the last step
#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "runtime/training/parameters.h"
#include "runtime/training/trainer.h"

namespace tapeloop {

// Files below the folder in which a training has left what it came to: lines of metrics, weights, a checkpoint. None, if it is not there.
std::vector<std::string> results_in(const std::string& folder);

// Throws FileError E0902 for whatever cannot be written.
class RunFolder {
 public:
  explicit RunFolder(std::string path);  // made if it is not there; files in it are written anew

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

  void write_config(const std::string& text);
  // Appends and flushes: a run that is killed keeps its lines. Columns are those of the first row.
  void add(const HistoryRow& row);
  // "best.safetensors". Atomically; what stood there before stays as NAME.prev.
  template <class T>
  void write_weights(const std::string& name, const Parameters<T>& parameters, std::map<std::string, std::string> metadata);

 private:
  std::string path_;
  std::ofstream csv_;
  std::ofstream json_;
};

}  // namespace tapeloop
