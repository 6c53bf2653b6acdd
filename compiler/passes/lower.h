// Schedule and layouts -> Plan: instructions, buffers, tables. A move is read through a table by those who can, and made otherwise.
#pragma once

#include <vector>

#include "compiler/passes/layouts.h"
#include "compiler/passes/partition.h"
#include "core/graph.h"
#include "core/plan.h"

namespace tapeloop {

// Ensures: one buffer for each value that is made (plan_memory lets them share). `keep` are nodes that must have a buffer.
Plan lower(const Graph& graph, const Schedule& schedule, const std::vector<Placement>& placements, const std::vector<NodeId>& keep);

// Loops, sizes and numbers of an instruction that follow from the shapes of its operands. REQUIRES: all of them are known.
void fit_to_shapes(const Graph& graph, const Plan& plan, Instruction& made);

// Loop over one point's elements for operands of these shapes; `in_parameters[k]`: operand k is one row for all points.
PointLoop point_loop(const std::vector<std::int64_t>& result, const std::vector<std::vector<std::int64_t>>& operands,
                     const std::vector<bool>& in_parameters);

}  // namespace tapeloop
