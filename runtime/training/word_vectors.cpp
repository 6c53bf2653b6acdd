#include "runtime/training/word_vectors.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <string_view>

#include "runtime/training/array_file.h"
#include "runtime/training/data_file.h"
#include "runtime/training/parameters.h"

namespace tapeloop {
namespace {

constexpr std::size_t kMostNamed = 20;  // tokens in a message

std::string bytes_of(const std::string& path) {
  DataFile file;
  file.file.name = file.path = path;
  return read_data_file(file);
}

// Without its end, which may be that of another system.
std::string_view next_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
  return line;
}

// The last word of the line, which is taken off.
std::string_view take_last(std::string_view& line) {
  const std::size_t blank = line.find_last_of(" \t");
  const std::string_view word = line.substr(blank == std::string_view::npos ? 0 : blank + 1);
  line = line.substr(0, blank == std::string_view::npos ? 0 : blank);
  return word;
}

template <class T>
std::optional<T> number_of(std::string_view word) {
  T value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return error == std::errc() && end == word.data() + word.size() ? std::optional(value) : std::nullopt;
}

bool is_header(std::string_view line) {
  const auto width = number_of<std::int64_t>(take_last(line));
  return width && number_of<std::int64_t>(line);
}

class Reading {
 public:
  Reading(const WordVectorFiles& files, const Vocabulary& vocabulary, const std::vector<std::int64_t>& dims, Diagnostics& diagnostics)
      : files_(files), diagnostics_(diagnostics), width_(static_cast<std::size_t>(dims[1])) {
    for (std::size_t id = 0; id < vocabulary.size(); ++id) ids_.emplace(vocabulary.text(id), id);
    result_.values.dims = dims;
    result_.values.data.assign(static_cast<std::size_t>(dims[0]) * width_, 0.0F);
    result_.given.assign(static_cast<std::size_t>(dims[0]), false);
  }

  void read() {
    const std::string bytes = bytes_of(files_.vectors);
    if (bytes.starts_with("\x93NUMPY")) {
      read_array(bytes);
    } else if (!files_.tokens.empty()) {
      report("E0819", "rows are named by a file of tokens in a .npy file; " + files_.vectors + " is none");
    } else {
      read_text(bytes);
    }
  }

  WordVectors result() { return std::move(result_); }

 private:
  void report(const char* code, const std::string& what, const std::string& help = {}) {
    diagnostics_.error(code, files_.source, "train.start: " + what, help);
  }

  // Where the token's numbers go; null if nobody asks for them.
  float* row_of(const std::string& token) {
    const auto at = ids_.find(token);
    if (at == ids_.end()) return nullptr;
    if (result_.given[at->second]) report("E0819", "'" + token + "' is twice in " + files_.vectors);
    result_.given[at->second] = true;
    return result_.values.data.data() + at->second * width_;
  }

  void read_text(std::string_view rest) {
    std::size_t number = 0;
    while (!rest.empty() && !diagnostics_.has_errors()) {
      std::string_view line = next_line(rest);
      ++number;
      if (line.empty() || (number == 1 && is_header(line))) continue;
      if (!read_line(line)) {
        report("E0760",
               "line " + std::to_string(number) + " of " + files_.vectors + " is no token and " + std::to_string(width_) + " numbers",
               "the parameter has that many columns; GloVe's text form has `token number number ..`");
      }
    }
  }

  bool read_line(std::string_view line) {
    std::vector<float> numbers(width_);
    for (std::size_t k = width_; k-- > 0;) {
      const auto number = number_of<float>(take_last(line));
      if (!number || !std::isfinite(*number)) return false;
      numbers[k] = *number;
    }
    // Where only one token may have blanks in it, a number more is a mistake: of the width.
    if (line.empty() || (line.find_first_of(" \t") != std::string_view::npos && number_of<float>(take_last(line)))) return false;
    if (float* row = row_of(std::string(line))) std::copy(numbers.begin(), numbers.end(), row);
    return true;
  }

  void read_array(const std::string& bytes) {
    const NumberArray array = parse_npy(bytes, files_.vectors, diagnostics_);
    if (diagnostics_.has_errors()) return;
    const std::vector<std::string> tokens = files_.tokens.empty() ? by_id() : lines_of(files_.tokens);
    if (array.dims.size() != 2 || array.dims[1] != static_cast<std::int64_t>(width_) ||
        array.dims[0] != static_cast<std::int64_t>(tokens.size())) {
      return report("E0819", files_.vectors + " has to be [" + std::to_string(tokens.size()) + ", " + std::to_string(width_) +
                                 "]: a row for each " + (files_.tokens.empty() ? "token of the vocabulary" : "line of " + files_.tokens) +
                                 ", a column for each of the parameter; it is " + dims_text(array.dims));
    }
    for (std::size_t row = 0; row < tokens.size(); ++row) {
      float* to = row_of(tokens[row]);
      for (std::size_t k = 0; to && k < width_; ++k) to[k] = static_cast<float>(array.at(row * width_ + k));
    }
  }

  std::vector<std::string> by_id() const {
    std::vector<std::string> tokens(ids_.size());
    for (const auto& [token, id] : ids_) tokens[id] = token;
    return tokens;
  }

  static std::vector<std::string> lines_of(const std::string& path) {
    const std::string bytes = bytes_of(path);
    std::vector<std::string> lines;
    for (std::string_view rest = bytes; !rest.empty();) lines.emplace_back(next_line(rest));
    return lines;
  }

  const WordVectorFiles& files_;
  Diagnostics& diagnostics_;
  std::size_t width_;
  std::map<std::string, std::size_t> ids_;
  WordVectors result_;
};

void check_missing(const WordVectorFiles& files, const Vocabulary& vocabulary, const WordVectors& vectors, Diagnostics& diagnostics) {
  std::string named;
  std::size_t count = 0;
  for (std::size_t id = 0; id < vocabulary.size(); ++id) {
    const auto number = static_cast<std::int64_t>(id);
    if (vectors.given[id] || vocabulary.is_mark(number) || vocabulary.is_unknown(number)) continue;
    if (++count <= kMostNamed) named += (named.empty() ? "'" : ", '") + vocabulary.text(id) + "'";
  }
  if (count == 0) return;
  diagnostics.error("E0819", files.source,
                    "train.start: " + files.vectors + " has no vector for " + std::to_string(count) + " of the tokens: " + named +
                        (count > kMostNamed ? ", .." : ""),
                    "missing: init lets these begin as the model says");
}

}  // namespace

WordVectors read_word_vectors(const WordVectorFiles& files, const Vocabulary& vocabulary, const std::vector<std::int64_t>& dims, bool all,
                              Diagnostics& diagnostics) {
  if (dims.size() != 2 || dims[0] < static_cast<std::int64_t>(vocabulary.size()) || dims[1] == 0) {
    diagnostics.error("E0819", files.source,
                      "train.start: vectors are the rows of a parameter with one for each of the " + std::to_string(vocabulary.size()) +
                          " tokens; this one is " + dims_text(dims));
    return {};
  }
  Diagnostics found;
  Reading reading(files, vocabulary, dims, found);
  reading.read();
  const WordVectors result = reading.result();
  if (all && !found.has_errors()) check_missing(files, vocabulary, result, found);
  for (const Diagnostic& d : found.sorted()) diagnostics.error(d.code, d.source, d.message, d.help);
  return result;
}

}  // namespace tapeloop
