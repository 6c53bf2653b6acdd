// Finds scans of which no tap reaches less than K positions along their axis, K > 1: K positions in a row wait for nothing among
// themselves, so a step does K of them. Their points follow each other in memory: a product has K times the rows.
//
//   scan t: h needs h_tm3, h_tm5        t = 0 1 2 | 3 4 5 | 6 7 ..        three positions a step
#pragma once

#include "core/plan.h"

namespace tapeloop {

// Requires: every value has a buffer of its own. Ensures: Segment::together of such scans, and that of the tables which they read.
Plan strip_mine(Plan plan);

}  // namespace tapeloop
