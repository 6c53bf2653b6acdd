// YAML text to a Container: sections, keys and equations are checked here, what names mean is expand's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/container.h"
#include "core/diagnostics.h"

namespace tapeloop {

// Reports every mistake of the text, each once. After errors the container may still be there, so that expand can report
// its own: an ExpressionPtr of it that may not be null by core/container.h (a node's equation, the init of a start, a size)
// and an option without values then mean "wrong, and already reported". Nothing if too much is missing to go on.
std::optional<Container> read_container(std::string_view text, const std::string& file_name, const std::string& folder,
                                        Diagnostics& diagnostics);

}  // namespace tapeloop
