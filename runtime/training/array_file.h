// Arrays of numbers in files: NumPy's .npy and the IDX of the MNIST sets.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/diagnostics.h"
#include "runtime/training/records.h"

namespace tapeloop {

// Numbers as the file has them; row-major.
struct NumberArray {
  enum class Type { kF4, kF8, kI2, kI4, kI8, kU1, kI1, kBool };
  Type type = Type::kF4;
  bool big_endian = false;
  std::vector<std::int64_t> dims;  // at least one
  std::string bytes;               // the file
  std::size_t begin = 0;           // of the numbers in it

  double at(std::size_t index) const;
};

// NumPy's format, versions 1 to 3: types <f4 <f8 <i4 <i8 |u1 |b1, in C order; objects (pickles), structures and whatever else are
// refused, E0758. `file` is the name that messages show.
NumberArray parse_npy(std::string bytes, const std::string& file, Diagnostics& diagnostics);
// Two zero bytes, the type (8 to 14), the number of dimensions, the dimensions and the numbers, all big-endian (LeCun, MNIST). E0759.
NumberArray parse_idx(std::string bytes, const std::string& file, Diagnostics& diagnostics);

// A column for each array, a record for each of their rows. Reports E0755 for arrays of different length.
std::unique_ptr<Records> open_arrays(const DataPart& part, DataFormat format, Diagnostics& diagnostics);

}  // namespace tapeloop
