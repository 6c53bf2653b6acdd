// Joins ops that work point by point into programs that pass over memory once.
//
//   r#3 = r#1 + r#2                       one instruction: reads r#1, r#2, bias and h_tm1, writes r and n#2;
//   r#4 = r#3 + r.linear.bias             r#3 and r#4 are never in memory
//   r = sigmoid(r#4)
//   n#2 = r * h_tm1
//
// Candidates stand in one list of instructions (a bulk segment, or one in a scan's body), at the same points, and have at each
// point as many elements as the others or one. What may be joined is found by levels: an op is one level above those that it waits
// for, but on the level of those that it may be joined with. So no path leaves a level's group and comes back to it. An op that
// only a later group reads moves there if no more has to be stored then than without.
#pragma once

#include <vector>

#include "core/plan.h"

namespace tapeloop {

// Requires: every value has a buffer of its own. Ensures: values that only their own program reads have no buffer, unless they are
// `fixed` or on the tape; lists of instructions keep their order but for what the programs demand. fixed[buffer]: somebody outside
// the plan reads it.
Plan fuse_points(Plan plan, const std::vector<bool>& fixed);

}  // namespace tapeloop
