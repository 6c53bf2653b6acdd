// Finds scans that can be run in one pass: all that a step does is one point program. There is no product to be done for a step, so
// nothing has to be asked for step by step.
//
//   scan t: h needs h_tm1                        before   u = 1 - z, v = z * n     for many positions at once
//     u = 1 - z                                  step     w = u * h_tm1, h = w + v  position by position
//     w = u * h_tm1                              after    what reads h and nothing in the step waits for
//     v = z * n
//     h = w + v                                  chain    h = h_tm1 * u + v: linear, kept in registers from step to step
//
// The arithmetic is the plain scan's, op by op, so results have the same bits.
#pragma once

#include "core/plan.h"

namespace tapeloop {

// Requires: every value has a buffer of its own; fuse_points is done, and strip_mine if it is to be. Ensures: Instruction::one_pass where
// it is legal, with the ops' order, `when` and chain; the scan's reason says so.
Plan fuse_steps(Plan plan);

}  // namespace tapeloop
