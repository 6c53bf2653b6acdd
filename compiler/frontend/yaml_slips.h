// Where a text that is no YAML went wrong: the reader notices a bracket that is not closed, or a key without its colon, lines later.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tapeloop {

struct YamlSlip {
  std::size_t at = 0;  // offset
  std::string message;
  std::string help;
};

// `noticed` is the offset at which the reader gave up. Nothing where that is as good a place as any.
std::optional<YamlSlip> find_unclosed_bracket(std::string_view text, std::size_t noticed);
std::optional<YamlSlip> find_key_without_colon(std::string_view text, std::size_t noticed);

}  // namespace tapeloop
