// Loops over chunks of positions (strips), each around a scan with the bulk that it feeds on and that feeds on it: what is read in the
// same chunk only needs room for one.
//
//   bulk   a = x @ W                            strips of t, forwards
//   scan   h = f(a, h_tm1)          ->            bulk   a = x @ W
//                                                 scan   h = f(a, h_tm1)
#pragma once

#include <vector>

#include "core/plan.h"

namespace tapeloop {

// Requires: stages are ordered, every instruction has one result at most, every value a buffer of its own.
// Ensures: a scan outside all others whose values are ordered by its axis stands in strips along it, in its own direction. With it,
// as far as the order of strips allows: bulk that only it reads, and what reads its inner values, sums over it (weights' gradients)
// among them. Where the cut between two scans is free, it goes where the fewest elements cross it.
Plan strips(Plan plan, const std::vector<bool>& fixed);

}  // namespace tapeloop
