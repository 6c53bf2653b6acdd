// A name and where the user wrote it, for messages.
#pragma once

#include <string>

#include "core/source.h"

namespace tapeloop {

struct NamedAt {
  std::string name;
  Source source;
};

}  // namespace tapeloop
