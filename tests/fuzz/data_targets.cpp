// Targets that read files of data and weights.
#include <memory>
#include <string>

#include "runtime/training/array_file.h"
#include "runtime/training/csv.h"
#include "runtime/training/fit_state.h"
#include "runtime/training/safetensors.h"
#include "tests/fuzz/targets.h"

namespace tapeloop::fuzz {
namespace {

std::shared_ptr<const std::string> name() { return std::make_shared<const std::string>("fuzz"); }

void report(const Diagnostics& diagnostics) {
  for (const Diagnostic& one : diagnostics.sorted()) static_cast<void>(format(one));
}

}  // namespace

void csv(std::string_view bytes) {
  if (bytes.empty()) return;
  CsvOptions options;
  options.delimiter = (bytes[0] & 1) != 0 ? '\t' : ',';
  options.quotes = (bytes[0] & 2) == 0;
  if ((bytes[0] & 4) != 0) options.header = {"a", "b"};
  Diagnostics diagnostics;
  const CsvTable table = read_csv(std::string(bytes.substr(1)), name(), options, diagnostics);
  for (std::size_t column = 0; column < table.columns().size(); ++column) table.numbers(column, diagnostics);
  report(diagnostics);
}

void arrays(std::string_view bytes) {
  for (const auto parse : {&parse_npy, &parse_idx}) {
    Diagnostics diagnostics;
    const NumberArray array = parse(std::string(bytes), "fuzz", diagnostics);
    report(diagnostics);
    if (diagnostics.has_errors()) continue;
    std::size_t count = 1;
    for (const std::int64_t dim : array.dims) count *= static_cast<std::size_t>(dim);
    if (count > 0) static_cast<void>(array.at(0) + array.at(count - 1));
  }
}

void json_lines(std::string_view bytes) {
  Diagnostics diagnostics;
  const std::unique_ptr<Records> records = read_json_lines(bytes, name(), diagnostics);
  report(diagnostics);
  for (std::size_t row = 0; records && row < records->rows(); ++row) {
    for (std::size_t column = 0; column < records->columns().size(); ++column) {
      static_cast<void>(records->value(row, column));
      static_cast<void>(records->source(row, column));
    }
  }
}

void safetensors(std::string_view bytes) {
  const TensorFile file = decode_safetensors(bytes, "fuzz");
  const std::string written = encode_safetensors(file);
  if (encode_safetensors(decode_safetensors(written, "again")) != written) __builtin_trap();
}

void checkpoint(std::string_view bytes) {
  const FitState state = read_fit_state(decode_safetensors(bytes, "fuzz"), "fuzz");
  TensorFile file;
  append_to(file, state);
  if (read_fit_state(file, "again").history.size() != state.history.size()) __builtin_trap();
}

}  // namespace tapeloop::fuzz
