#include "runtime/training/run_folder.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "core/expression.h"
#include "runtime/training/atomic_file.h"

namespace tapeloop {
namespace {

// All numbers of a row with their names, in the order of the columns.
NamedNumbers columns_of(const HistoryRow& row) {
  NamedNumbers columns{{"epoch", static_cast<double>(row.epoch)},
                       {"steps", static_cast<double>(row.steps)},
                       {"train_loss", row.train_loss},
                       {"gradient_norm", row.gradient_norm}};
  for (const auto& [name, value] : row.validation) columns.emplace_back("validation_" + name, value);
  columns.emplace_back("seconds", std::round(row.seconds * 1000) / 1000);
  columns.emplace_back("best", row.best ? 1 : 0);
  return columns;
}

std::string csv_text(double value) { return std::isfinite(value) ? number_text(value) : "nan"; }
std::string json_text(double value) { return std::isfinite(value) ? number_text(value) : "null"; }

void write_line(std::ofstream& stream, const std::string& path, const std::string& line) {
  stream << line << '\n';
  stream.flush();
  if (!stream) throw FileError("E0902", path, std::string("cannot write: ") + std::strerror(errno));
}

}  // namespace

std::vector<std::string> results_in(const std::string& folder) {
  std::vector<std::string> found;
  for (const char* name :
       {"metrics.csv", "best.safetensors", "last.safetensors", "checkpoint.safetensors", "checkpoint.safetensors.prev"}) {
    const std::filesystem::path path = std::filesystem::path(folder) / name;
    std::error_code none;
    const std::uintmax_t bytes = std::filesystem::file_size(path, none);
    if (!none && bytes > 0) found.push_back(path.string());
  }
  return found;
}

RunFolder::RunFolder(std::string path) : path_(std::move(path)) {
  make_folders(path_);
  remove_left_over(path_);
  csv_.open(file("metrics.csv"), std::ios::trunc);
  json_.open(file("metrics.jsonl"), std::ios::trunc);
  if (!csv_ || !json_) throw FileError("E0902", path_, std::string("cannot write metrics.csv: ") + std::strerror(errno));
}

void RunFolder::write_config(const std::string& text) { write_file_atomically(file("config.yaml"), text); }

void RunFolder::add(const HistoryRow& row) {
  std::string header, cells, object;
  for (const auto& [name, value] : columns_of(row)) {
    header += (header.empty() ? "" : ",") + name;
    cells += (cells.empty() ? "" : ",") + csv_text(value);
    object += (object.empty() ? "{\"" : ", \"") + name + "\": " + json_text(value);
  }
  if (csv_.tellp() == 0) write_line(csv_, file("metrics.csv"), header);
  write_line(csv_, file("metrics.csv"), cells);
  write_line(json_, file("metrics.jsonl"), object + "}");
}

template <class T>
void RunFolder::write_weights(const std::string& name, const Parameters<T>& parameters, std::map<std::string, std::string> metadata) {
  TensorFile tensors{std::move(metadata), {}};
  tensors.metadata.emplace("format_version", "1");
  parameters.append_to(tensors);
  save_safetensors(file(name), tensors);
}

template void RunFolder::write_weights<float>(const std::string&, const Parameters<float>&, std::map<std::string, std::string>);
template void RunFolder::write_weights<double>(const std::string&, const Parameters<double>&, std::map<std::string, std::string>);

}  // namespace tapeloop
