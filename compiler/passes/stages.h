// Which part of a program works on the examples of a batch and which on the parameters, as stages that take turns. The runtime
// cuts a batch into shards; a shard goes through its stages by itself, and meets the others only at their ends:
//
//   forward    0 whole   expressions of parameters      backward   0 whole   d(loss) / count
//              1 shards  bulk and scans                            1 shards  the adjoints' bulk and scans
//              2 whole   the loss: sums over all shards            2 whole   each gradient of a weight: one sum over all shards
#pragma once

#include "core/plan.h"

namespace tapeloop {

// Requires: every value has a buffer of its own, since instructions change their order.
// Ensures: Segment::stage is set and does not fall; what is in P is made in whole stages and all else in shards' stages, each as
// early as what it reads allows; within a stage for shards the order is that of before, within a whole one the sums over the batch
// come first.
Plan order_stages(Plan plan);

}  // namespace tapeloop
