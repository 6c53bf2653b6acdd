#include "runtime/training/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <utility>

#include "runtime/training/atomic_file.h"

namespace tapeloop {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are copied as they lie in memory");

constexpr std::uint64_t kMostHeaderBytes = std::uint64_t{16} << 20;
constexpr std::string_view kMetadata = "__metadata__";

// Bytes of one number; 0: no such dtype.
std::uint64_t dtype_bytes(std::string_view dtype) {
  if (dtype == "BOOL" || dtype == "U8" || dtype == "I8" || dtype == "F8_E5M2" || dtype == "F8_E4M3") return 1;
  if (dtype == "I16" || dtype == "U16" || dtype == "F16" || dtype == "BF16") return 2;
  if (dtype == "I32" || dtype == "U32" || dtype == "F32") return 4;
  if (dtype == "F64" || dtype == "I64" || dtype == "U64") return 8;
  return 0;
}

bool multiply(std::uint64_t& product, std::uint64_t factor) { return !__builtin_mul_overflow(product, factor, &product); }

// Well-formed by the Unicode standard, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text) {
  std::size_t i = 0;
  const auto byte = [&](std::size_t k) { return k < text.size() ? static_cast<unsigned char>(text[k]) : 0U; };
  while (i < text.size()) {
    const unsigned lead = byte(i);
    const std::size_t more = lead < 0x80 ? 0 : lead >= 0xC2 && lead <= 0xDF ? 1 : lead >= 0xE0 && lead <= 0xEF ? 2 : 3;
    if (more == 3 && (lead < 0xF0 || lead > 0xF4)) return false;
    const unsigned least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const unsigned most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    for (std::size_t k = 1; k <= more; ++k) {
      if (byte(i + k) < (k == 1 ? least : 0x80) || byte(i + k) > (k == 1 ? most : 0xBF)) return false;
    }
    i += more + 1;
  }
  return true;
}

struct Entry {
  std::string name;
  std::string dtype;
  std::vector<std::uint64_t> shape;
  std::vector<std::uint64_t> offsets;
  bool has_shape = false;
};

// Reads exactly the JSON that the format allows; the first thing that is not so ends the reading.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;
  std::string problem;

  bool start_object(std::size_t) override {
    if (depth_ >= 2 || in_list_) return fail("objects lie too deep");
    if (depth_ == 1 && name_ != kMetadata) entries.push_back({name_, {}, {}, {}, false});
    keys_.clear();
    ++depth_;
    return true;
  }
  bool end_object() override {
    if (depth_ == 2 && name_ != kMetadata) {
      const Entry& entry = entries.back();
      if (entry.dtype.empty() || !entry.has_shape || !keys_.contains("data_offsets")) {
        return fail("'" + name_ + "' needs dtype, shape and data_offsets");
      }
    }
    --depth_;
    return true;
  }
  bool key(std::string& key) override {
    if (!(depth_ == 1 ? names_ : keys_).insert(key).second) return fail("'" + key + "' stands there twice");
    (depth_ == 1 ? name_ : key_) = key;
    if (depth_ == 2 && name_ != kMetadata && key != "dtype" && key != "shape" && key != "data_offsets") {
      return fail("'" + name_ + "' has an unknown key '" + key + "'");
    }
    return true;
  }
  bool string(std::string& text) override {
    if (depth_ != 2 || in_list_) return fail("a string stands where it may not");
    if (name_ == kMetadata) {
      metadata[key_] = text;
      return true;
    }
    if (key_ != "dtype") return fail("'" + name_ + "': " + key_ + " must be a list of numbers");
    if (dtype_bytes(text) == 0) return fail("'" + name_ + "': unknown dtype '" + text + "'");
    entries.back().dtype = text;
    return true;
  }
  bool start_array(std::size_t) override {
    if (depth_ != 2 || in_list_ || name_ == kMetadata || key_ == "dtype") return fail("a list stands where it may not");
    in_list_ = true;
    entries.back().has_shape |= key_ == "shape";
    return true;
  }
  bool end_array() override {
    in_list_ = false;
    return key_ != "data_offsets" || entries.back().offsets.size() == 2 || fail("'" + name_ + "': data_offsets must be two numbers");
  }
  bool number_unsigned(std::uint64_t value) override {
    if (!in_list_) return fail("a number stands where it may not");
    (key_ == "shape" ? entries.back().shape : entries.back().offsets).push_back(value);
    return true;
  }
  bool null() override { return fail("null may not stand there"); }
  bool boolean(bool) override { return fail("true or false may not stand there"); }
  bool number_integer(std::int64_t) override { return fail("'" + name_ + "' has a negative number"); }
  bool number_float(double, const std::string&) override { return fail("'" + name_ + "' has a number that is not whole, or too large"); }
  bool binary(nlohmann::json::binary_t&) override { return fail("binary data may not stand there"); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return fail("the header is not JSON, at byte " + std::to_string(8 + position));
  }

 private:
  bool fail(std::string what) {
    if (problem.empty()) problem = std::move(what);
    return false;
  }

  std::set<std::string> names_;
  std::set<std::string> keys_;
  std::string name_;
  std::string key_;
  int depth_ = 0;
  bool in_list_ = false;
};

// The header's text, or throws. REQUIRES for all that follows: `bytes` is at least as long as this says.
std::string_view checked_header(std::string_view bytes, const std::string& path) {
  const auto fail = [&](const std::string& what) -> void { throw FileError("E0905", path, what); };
  if (bytes.size() < 8) fail("has " + std::to_string(bytes.size()) + " bytes: too short for a safetensors file");
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  if (length > kMostHeaderBytes) fail("says that its header has " + std::to_string(length) + " bytes; at most 16 MiB are read");
  if (length > bytes.size() - 8) fail("says that its header has " + std::to_string(length) + " bytes, more than the file has");
  const std::string_view header = bytes.substr(8, length);
  if (!is_utf8(header)) fail("its header is not UTF-8");
  if (header.empty() || header[0] != '{') fail("its header does not start with '{'");
  // The JSON reader would take a zero byte for the end of the text.
  if (header.find('\0') != std::string_view::npos) fail("its header has a zero byte");
  return header;
}

// Sorted by where they lie. Their data fill [0, size) without holes, each as long as its shape says.
void check_layout(std::vector<Entry>& entries, std::uint64_t size, const std::string& path) {
  const auto fail = [&](const std::string& what) -> void { throw FileError("E0905", path, what); };
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.offsets < b.offsets; });
  std::uint64_t end = 0;
  for (const Entry& entry : entries) {
    if (entry.offsets[0] != end || entry.offsets[1] < end) {
      fail("the data of '" + entry.name + "' do not start where those before end (byte " + std::to_string(end) + ")");
    }
    end = entry.offsets[1];
    std::uint64_t count = 1;
    for (const std::uint64_t dim : entry.shape) {
      if (dim > INT64_MAX || !multiply(count, dim)) fail("the shape of '" + entry.name + "' is too large");
    }
    if (!multiply(count, dtype_bytes(entry.dtype))) fail("the shape of '" + entry.name + "' is too large");
    if (count != end - entry.offsets[0]) {
      fail("'" + entry.name + "' has " + std::to_string(end - entry.offsets[0]) + " bytes of data; its shape needs " +
           std::to_string(count));
    }
  }
  if (end != size) fail("has " + std::to_string(size) + " bytes of data; its arrays need " + std::to_string(end));
}

// Only strings are made by the library: a list or map of its kind cannot be given up half built when memory runs out.
std::string quoted(const std::string& text) { return nlohmann::json(text).dump(); }

std::string entry_text(const Tensor& tensor, std::uint64_t begin) {
  std::string shape;
  for (const std::int64_t dim : tensor.dims) shape += (shape.empty() ? "" : ",") + std::to_string(dim);
  return quoted(tensor.name) + R"(:{"dtype":)" + quoted(tensor.dtype) + R"(,"shape":[)" + shape + R"(],"data_offsets":[)" +
         std::to_string(begin) + "," + std::to_string(begin + tensor.bytes.size()) + "]}";
}

std::string metadata_text(const std::map<std::string, std::string>& metadata) {
  std::string text;
  for (const auto& [key, value] : metadata) text += (text.empty() ? "" : ",") + quoted(key) + ":" + quoted(value);
  return quoted(std::string(kMetadata)) + ":{" + text + "}";
}

void check_for_writing(const TensorFile& file) {
  std::set<std::string> names{std::string(kMetadata)};
  for (const Tensor& tensor : file.tensors) {
    std::uint64_t bytes = dtype_bytes(tensor.dtype);
    for (const std::int64_t dim : tensor.dims) bytes *= static_cast<std::uint64_t>(dim);
    const bool fits = dtype_bytes(tensor.dtype) > 0 && bytes == tensor.bytes.size() && is_utf8(tensor.name);
    if (!fits || !names.insert(tensor.name).second) throw std::logic_error("safetensors: cannot write '" + tensor.name + "'");
  }
}

template <class T>
constexpr const char* dtype_of() {
  return std::is_same_v<T, float> ? "F32" : std::is_same_v<T, double> ? "F64" : "I64";
}

template <class From, class T>
std::vector<T> convert(const std::string& bytes) {
  std::vector<From> stored(bytes.size() / sizeof(From));
  if (!stored.empty()) std::memcpy(stored.data(), bytes.data(), bytes.size());
  return {stored.begin(), stored.end()};
}

}  // namespace

const Tensor* TensorFile::find(std::string_view name) const {
  const auto at = std::find_if(tensors.begin(), tensors.end(), [&](const Tensor& tensor) { return tensor.name == name; });
  return at == tensors.end() ? nullptr : &*at;
}

template <class T>
Tensor make_tensor(std::string name, std::vector<std::int64_t> dims, std::span<const T> values) {
  return {std::move(name), dtype_of<T>(), std::move(dims), std::string(reinterpret_cast<const char*>(values.data()), values.size_bytes())};
}

template <class T>
std::vector<T> tensor_values(const Tensor& tensor) {
  if (tensor.dtype == "F32") return convert<float, T>(tensor.bytes);
  if (tensor.dtype == "F64") return convert<double, T>(tensor.bytes);
  if (tensor.dtype == "I64") return convert<std::int64_t, T>(tensor.bytes);
  throw std::invalid_argument("'" + tensor.name + "' has dtype " + tensor.dtype + "; expected F32, F64 or I64");
}

std::string encode_safetensors(const TensorFile& file) {
  check_for_writing(file);
  std::vector<const Tensor*> order;
  for (const Tensor& tensor : file.tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const Tensor* a, const Tensor* b) {
    return std::pair(dtype_bytes(b->dtype), std::string_view(a->name)) < std::pair(dtype_bytes(a->dtype), std::string_view(b->name));
  });
  std::string text = file.metadata.empty() ? "{" : "{" + metadata_text(file.metadata);
  std::uint64_t begin = 0;
  for (const Tensor* tensor : order) {
    text += (text.size() > 1 ? "," : "") + entry_text(*tensor, begin);
    begin += tensor->bytes.size();
  }
  text += "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  bytes.reserve(8 + text.size() + begin);
  bytes += text;
  for (const Tensor* tensor : order) bytes += tensor->bytes;
  return bytes;
}

TensorFile decode_safetensors(std::string_view bytes, const std::string& path) {
  const std::string_view header = checked_header(bytes, path);
  HeaderReader reader;
  if (!nlohmann::json::sax_parse(header.begin(), header.end(), &reader)) {
    throw FileError("E0905", path, reader.problem.empty() ? "its header cannot be read" : reader.problem);
  }
  const std::string_view data = bytes.substr(8 + header.size());
  check_layout(reader.entries, data.size(), path);
  TensorFile file;
  file.metadata = std::move(reader.metadata);
  for (Entry& entry : reader.entries) {
    const std::string_view part = data.substr(entry.offsets[0], entry.offsets[1] - entry.offsets[0]);
    file.tensors.push_back({std::move(entry.name), std::move(entry.dtype), {entry.shape.begin(), entry.shape.end()}, std::string(part)});
  }
  return file;
}

void save_safetensors(const std::string& path, const TensorFile& file) {
  write_file_atomically(path, encode_safetensors(file), Previous::kKeep);
}

TensorFile load_safetensors(const std::string& path) { return decode_safetensors(read_whole_file(path), path); }

template Tensor make_tensor<float>(std::string, std::vector<std::int64_t>, std::span<const float>);
template Tensor make_tensor<double>(std::string, std::vector<std::int64_t>, std::span<const double>);
template Tensor make_tensor<std::int64_t>(std::string, std::vector<std::int64_t>, std::span<const std::int64_t>);
template std::vector<float> tensor_values<float>(const Tensor&);
template std::vector<double> tensor_values<double>(const Tensor&);
template std::vector<std::int64_t> tensor_values<std::int64_t>(const Tensor&);

}  // namespace tapeloop
