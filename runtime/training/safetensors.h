// Named arrays in a file: the safetensors format, written in one canonical form and read with every check there is.
//
//   8 bytes N, little-endian | N bytes JSON {"name":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}, ..} | data, C order
//
// The data of all arrays lie end to end without holes. Source: https://github.com/huggingface/safetensors, format and README.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/array.h"

namespace tapeloop {

struct Tensor {
  std::string name;
  std::string dtype;               // BOOL U8 I8 F8_E5M2 F8_E4M3 I16 U16 F16 BF16 I32 U32 F32 F64 I64 U64
  std::vector<std::int64_t> dims;  // empty: a scalar; a dimension of 0 is legal
  std::string bytes;               // little-endian, row-major, packed
};

struct TensorFile {
  std::map<std::string, std::string> metadata;
  std::vector<Tensor> tensors;

  const Tensor* find(std::string_view name) const;
};

// F32 for float, F64 for double, I64 for std::int64_t.
template <class T>
Tensor make_tensor(std::string name, std::vector<std::int64_t> dims, std::span<const T> values);
// The numbers of an F32, F64 or I64 tensor as T. Throws std::invalid_argument for another dtype.
template <class T>
std::vector<T> tensor_values(const Tensor& tensor);

// The same file always gives the same bytes: arrays by alignment (large first), then by name; JSON padded with spaces to 8 bytes.
// REQUIRES: names differ, none is "__metadata__", bytes fit dtype and dims (std::logic_error).
std::string encode_safetensors(const TensorFile& file);

// Throws FileError E0905 with what is wrong; `path` is for messages only. Nothing is allocated for data before all is checked.
TensorFile decode_safetensors(std::string_view bytes, const std::string& path);

void save_safetensors(const std::string& path, const TensorFile& file);  // atomically, the file before stays as PATH.prev
TensorFile load_safetensors(const std::string& path);

}  // namespace tapeloop
