// Hashes of text: for splits that everybody can make again, and to know something again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tapeloop {

// int(sha1(text)) % modulo: the digest (FIPS 180-4) read as one number of 160 bits, the first byte highest. REQUIRES: modulo > 0
std::uint32_t sha1_modulo(std::string_view text, std::uint32_t modulo);

// SHA-256 (FIPS 180-4) of all that was added, one after the other.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void add(std::string_view bytes);
  std::string text();  // 64 hexadecimal digits; what was added is forgotten

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace tapeloop
