#include "runtime/training/data_file.h"

#include <zlib.h>

#include <algorithm>
#include <memory>

#include "runtime/training/atomic_file.h"

namespace tapeloop {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;  // bytes read at a time

bool is_gzip(const std::string& bytes) { return bytes.starts_with("\x1f\x8b"); }

// Every member of a gzip file (RFC 1952), one after the other.
std::string unpacked(const std::string& packed, const std::string& path, std::uint64_t most) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) throw FileError("E0903", path, "cannot unpack: out of memory");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> closing(&stream, inflateEnd);
  std::string bytes;
  std::string piece(kPiece, '\0');
  std::size_t at = 0;
  int result = Z_OK;
  do {
    if (stream.avail_in == 0) {
      const std::size_t count = std::min(kPiece, packed.size() - at);
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data() + at));
      stream.avail_in = static_cast<uInt>(count);
      at += count;
    }
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(kPiece);
    result = inflate(&stream, Z_NO_FLUSH);
    bytes.append(piece, 0, kPiece - stream.avail_out);
    if (bytes.size() > most) throw FileError("E0904", path, "is larger than " + std::to_string(most) + " bytes when unpacked");
    if (result == Z_STREAM_END && (stream.avail_in > 0 || at < packed.size())) result = inflateReset(&stream);
  } while (result == Z_OK);
  if (result != Z_STREAM_END) throw FileError("E0903", path, "is no whole gzip file", "bring the file again");
  return bytes;
}

}  // namespace

std::string read_data_file(const DataFile& file, std::uint64_t most) {
  if (!file.text.empty()) return std::string(file.text);
  std::string bytes = read_whole_file(file.path, most);
  return is_gzip(bytes) ? unpacked(bytes, file.path, most) : bytes;
}

}  // namespace tapeloop
