#include "runtime/training/array_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>
#include <set>
#include <utility>

#include "runtime/training/data_file.h"

namespace tapeloop {
namespace {

using Type = NumberArray::Type;

constexpr std::size_t kMostHeader = 10000;  // bytes; NumPy's own limit
constexpr std::size_t kMostDims = 32;

std::size_t bytes_of(Type type) {
  constexpr std::array<std::size_t, 8> kBytes{4, 8, 2, 4, 8, 1, 1, 1};
  return kBytes[static_cast<std::size_t>(type)];
}

template <class Number>
double number_at(const char* from, bool big_endian) {
  std::array<char, sizeof(Number)> bytes{};
  std::copy_n(from, bytes.size(), bytes.begin());
  if (big_endian == (std::endian::native == std::endian::little)) std::reverse(bytes.begin(), bytes.end());
  Number number{};
  std::memcpy(&number, bytes.data(), bytes.size());
  return static_cast<double>(number);
}

std::uint64_t unsigned_at(const std::string& bytes, std::size_t at, std::size_t count, bool big_endian) {
  std::uint64_t value = 0;
  for (std::size_t k = 0; k < count; ++k) {
    const auto byte = static_cast<unsigned char>(bytes[at + (big_endian ? k : count - 1 - k)]);
    value = value << 8 | byte;
  }
  return value;
}

// The text of why the numbers do not fill the file from array.begin on; empty if they do.
std::string misfit(const NumberArray& array) {
  if (array.dims.empty()) return "has no dimension; its rows are to be the examples";
  std::uint64_t size = bytes_of(array.type);
  for (const std::int64_t dim : array.dims) {
    if (dim < 0) return "has a negative dimension";
    if (dim != 0 && size > std::numeric_limits<std::int64_t>::max() / static_cast<std::uint64_t>(dim))
      return "has more numbers than can be";
    size *= static_cast<std::uint64_t>(dim);
  }
  const std::uint64_t there = array.bytes.size() - array.begin;
  return there == size ? "" : "needs " + std::to_string(size) + " bytes of numbers and has " + std::to_string(there);
}

// The header of .npy: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } and nothing else.
class NpyHeader {
 public:
  explicit NpyHeader(std::string_view text) : text_(text) {}

  // False if it is anything else; why() says what.
  bool read() {
    if (!take('{')) return fail("does not begin with {");
    while (!take('}')) {
      std::string key;
      if (!quoted(key) || !take(':')) return fail("has no key where one is expected");
      if (key == "descr"           ? !read_type()
          : key == "fortran_order" ? !read_order()
          : key == "shape"         ? !read_shape()
                                   : !fail("has the key '" + key + "'"))
        return false;
      if (!seen_.insert(key).second) return fail("has the key '" + key + "' twice");
      take(',');
    }
    skip();
    if (at_ != text_.size()) return fail("goes on after }");
    return seen_.size() == 3 || fail("lacks descr, fortran_order or shape");
  }
  const std::string& why() const { return why_; }
  Type type() const { return type_; }
  const std::vector<std::int64_t>& dims() const { return dims_; }

 private:
  bool fail(std::string why) {
    if (why_.empty()) why_ = std::move(why);
    return false;
  }
  void skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool take(char c) {
    skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool quoted(std::string& word) {
    skip();
    const char quote = at_ < text_.size() ? text_[at_] : ' ';
    const std::size_t end = quote == '\'' || quote == '"' ? text_.find(quote, at_ + 1) : std::string_view::npos;
    if (end == std::string_view::npos) return false;
    word = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return true;
  }
  bool read_type() {
    static const std::vector<std::pair<std::string, Type>> kTypes{{"<f4", Type::kF4}, {"<f8", Type::kF8}, {"<i4", Type::kI4},
                                                                  {"<i8", Type::kI8}, {"|u1", Type::kU1}, {"|b1", Type::kBool}};
    std::string name;
    if (!quoted(name)) return fail("has structures, not numbers");
    for (const auto& [known, type] : kTypes) {
      if (known != name) continue;
      type_ = type;
      return true;
    }
    return fail("has numbers of type '" + name + "'; read are <f4 <f8 <i4 <i8 |u1 |b1");
  }
  bool read_order() {
    skip();
    if (text_.substr(at_).starts_with("True")) return fail("is in Fortran's order");
    if (!text_.substr(at_).starts_with("False")) return fail("has a fortran_order that is neither True nor False");
    at_ += 5;
    return true;
  }
  bool read_shape() {
    if (!take('(')) return fail("has a shape that is no tuple");
    while (!take(')')) {
      skip();
      std::int64_t dim = 0;
      const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), dim);
      if (error != std::errc() || dim < 0 || dims_.size() >= kMostDims) return fail("has a dimension that is no whole number from 0 on");
      at_ = static_cast<std::size_t>(end - text_.data());
      dims_.push_back(dim);
      if (!take(',') && !(skip(), at_ < text_.size() && text_[at_] == ')')) return fail("has a shape that is never closed");
    }
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Type type_ = Type::kF4;
  std::vector<std::int64_t> dims_;
  std::set<std::string> seen_;
  std::string why_;
};

// One column for each array.
class Arrays : public Records {
 public:
  Arrays(std::vector<std::string> columns, std::vector<NumberArray> arrays, std::vector<Source> sources)
      : columns_(std::move(columns)), arrays_(std::move(arrays)), sources_(std::move(sources)) {}
  std::size_t rows() const override { return static_cast<std::size_t>(arrays_.front().dims.front()); }
  const std::vector<std::string>& columns() const override { return columns_; }
  Value value(std::size_t row, std::size_t column) const override {
    const NumberArray& array = arrays_[column];
    Value value;
    value.kind = Value::Kind::kArray;
    value.dims.assign(array.dims.begin() + 1, array.dims.end());
    std::size_t size = 1;
    for (const std::int64_t dim : value.dims) size *= static_cast<std::size_t>(dim);
    value.numbers.resize(size);
    for (std::size_t k = 0; k < size; ++k) value.numbers[k] = array.at(row * size + k);
    return value;
  }
  Source source(std::size_t, std::size_t column) const override { return sources_[column]; }

 private:
  std::vector<std::string> columns_;
  std::vector<NumberArray> arrays_;
  std::vector<Source> sources_;
};

}  // namespace

double NumberArray::at(std::size_t index) const {
  const char* from = bytes.data() + begin + index * bytes_of(type);
  switch (type) {
    case Type::kF4:
      return number_at<float>(from, big_endian);
    case Type::kF8:
      return number_at<double>(from, big_endian);
    case Type::kI2:
      return number_at<std::int16_t>(from, big_endian);
    case Type::kI4:
      return number_at<std::int32_t>(from, big_endian);
    case Type::kI8:
      return number_at<std::int64_t>(from, big_endian);
    case Type::kI1:
      return number_at<std::int8_t>(from, big_endian);
    case Type::kU1:
    case Type::kBool:
      break;
  }
  return number_at<std::uint8_t>(from, big_endian);
}

NumberArray parse_npy(std::string bytes, const std::string& file, Diagnostics& diagnostics) {
  NumberArray array;
  const auto refuse = [&](const std::string& why) {
    diagnostics.error("E0758", {std::make_shared<const std::string>(file), 1, 1}, "this .npy file " + why,
                      "numpy.save(\"x.npy\", numpy.ascontiguousarray(x, dtype=\"float32\")) writes one that can be read");
    return NumberArray{};
  };
  constexpr std::size_t kStart = 8;  // the magic text and the version
  if (bytes.size() < kStart + 2 || !bytes.starts_with("\x93NUMPY")) return refuse("does not begin as one");
  const int version = static_cast<unsigned char>(bytes[6]);
  if (version < 1 || version > 3 || bytes[7] != 0) return refuse("is of version " + std::to_string(version) + "; read are 1 to 3");
  const std::size_t wide = version == 1 ? 2 : 4;
  if (bytes.size() < kStart + wide) return refuse("ends within its header");
  const std::size_t length = unsigned_at(bytes, kStart, wide, false);
  if (length > kMostHeader) return refuse("has a header of " + std::to_string(length) + " bytes");
  array.begin = kStart + wide + length;
  if (bytes.size() < array.begin) return refuse("ends within its header");
  NpyHeader header(std::string_view(bytes).substr(kStart + wide, length));
  if (!header.read()) return refuse(header.why());
  array.type = header.type();
  array.dims = header.dims();
  array.bytes = std::move(bytes);
  const std::string wrong = misfit(array);
  return wrong.empty() ? array : refuse(wrong);
}

NumberArray parse_idx(std::string bytes, const std::string& file, Diagnostics& diagnostics) {
  static const std::vector<std::pair<int, Type>> kTypes{{0x08, Type::kU1}, {0x09, Type::kI1}, {0x0B, Type::kI2},
                                                        {0x0C, Type::kI4}, {0x0D, Type::kF4}, {0x0E, Type::kF8}};
  const auto refuse = [&](const std::string& why) {
    diagnostics.error("E0759", {std::make_shared<const std::string>(file), 1, 1}, "this IDX file " + why);
    return NumberArray{};
  };
  if (bytes.size() < 4 || bytes[0] != 0 || bytes[1] != 0) return refuse("does not begin with two zero bytes");
  const auto type = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& entry) { return entry.first == bytes[2]; });
  if (type == kTypes.end()) return refuse("has numbers of an unknown type");
  const std::size_t rank = static_cast<unsigned char>(bytes[3]);
  NumberArray array;
  array.type = type->second;
  array.big_endian = true;
  array.begin = 4 + 4 * rank;
  if (rank > kMostDims || bytes.size() < array.begin) return refuse("ends within its header");
  for (std::size_t k = 0; k < rank; ++k) array.dims.push_back(static_cast<std::int64_t>(unsigned_at(bytes, 4 + 4 * k, 4, true)));
  array.bytes = std::move(bytes);
  const std::string wrong = misfit(array);
  return wrong.empty() ? array : refuse(wrong);
}

std::unique_ptr<Records> open_arrays(const DataPart& part, DataFormat format, Diagnostics& diagnostics) {
  std::vector<std::string> columns;
  std::vector<NumberArray> arrays;
  std::vector<Source> sources;
  for (const DataFile& file : part.files) {
    std::string bytes = read_data_file(file);
    columns.push_back(file.column.name);
    arrays.push_back(format == DataFormat::kNpy ? parse_npy(std::move(bytes), file.file.name, diagnostics)
                                                : parse_idx(std::move(bytes), file.file.name, diagnostics));
    sources.push_back({std::make_shared<const std::string>(file.file.name), 1, 1});
    if (diagnostics.has_errors()) return nullptr;
    if (arrays.back().dims.front() == arrays.front().dims.front()) continue;
    diagnostics.error("E0755", file.file.source,
                      "'" + file.file.name + "' has " + std::to_string(arrays.back().dims.front()) + " rows, '" +
                          part.files.front().file.name + "' has " + std::to_string(arrays.front().dims.front()));
    return nullptr;
  }
  return std::make_unique<Arrays>(std::move(columns), std::move(arrays), std::move(sources));
}

}  // namespace tapeloop
