// What Tapeloop uses of this machine.
#pragma once

#include <string>

namespace tapeloop {

// A line each: the instruction set that point work and products were compiled for and that was chosen for this processor, whose
// products they are, and the threads that there are.
std::string machine_text();

}  // namespace tapeloop
