// The part of an axis' declaration that says how long its runs are.
#pragma once

#include <string>

#include "compiler/frontend/section_reader.h"

namespace tapeloop {

// length: EQUATION, {until: EQUATION, max: NUMBER} or {train: .., eval: .., decode: ..} with one of these for each mode; until:
// and max: may stand in the axis itself. `axis` is its map.
void read_lengths(const Tree& axis, const std::string& key, SectionReader& reader, AxisDecl& result);

}  // namespace tapeloop
