// The bytes of a data file, plain or compressed by gzip.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/training/data_spec.h"

namespace tapeloop {

constexpr std::uint64_t kMostDataBytes = std::uint64_t{1} << 31;  // unpacked

// What the file holds, unpacked if it is gzipped. Throws FileError E0903 (cannot be read, damaged) or E0904 (too large).
std::string read_data_file(const DataFile& file, std::uint64_t most = kMostDataBytes);

}  // namespace tapeloop
