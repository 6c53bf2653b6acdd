#include "runtime/training/hash.h"

#include <nettle/sha1.h>

#include <array>

namespace tapeloop {

std::uint32_t sha1_modulo(std::string_view text, std::uint32_t modulo) {
  sha1_ctx context;
  sha1_init(&context);
  sha1_update(&context, text.size(), reinterpret_cast<const std::uint8_t*>(text.data()));
  std::array<std::uint8_t, SHA1_DIGEST_SIZE> digest{};
  sha1_digest(&context, digest.size(), digest.data());
  std::uint64_t rest = 0;
  for (const std::uint8_t byte : digest) rest = (rest << 8 | byte) % modulo;
  return static_cast<std::uint32_t>(rest);
}

}  // namespace tapeloop
