// Hashes of text, for splits that everybody can make again.
#pragma once

#include <cstdint>
#include <string_view>

namespace tapeloop {

// int(sha1(text)) % modulo: the digest (FIPS 180-4) read as one number of 160 bits, the first byte highest. REQUIRES: modulo > 0
std::uint32_t sha1_modulo(std::string_view text, std::uint32_t modulo);

}  // namespace tapeloop
