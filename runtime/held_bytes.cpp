#include "runtime/held_bytes.h"

#include <algorithm>
#include <vector>

#include "core/chunk_names.h"

namespace tapeloop {
namespace {

// Axes of the buffer's points: 0, or 1 if that is t.
std::optional<std::size_t> depth_of(const Plan& plan, const Buffer& buffer) {
  const std::vector<AxisId> axes = plan.layouts[static_cast<std::size_t>(buffer.layout)].space.axes();
  const bool only_t = axes.size() == 1 && plan.axes[static_cast<std::size_t>(axes[0])].name == "t";
  if (axes.empty() || only_t) return axes.size();
  return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> held_bytes(const Plan& plan, const HeldBytes& of) {
  if (!plan.executable) return std::nullopt;
  std::int64_t numbers = 0;
  for (const Buffer& buffer : plan.buffers) {
    if (buffer.kind == Buffer::Kind::kParameter) continue;
    std::int64_t points = 1;
    if (buffer.layout != kNone) {
      const std::optional<std::size_t> depth = depth_of(plan, buffer);
      if (!depth) return std::nullopt;
      const std::int64_t chunk = of.positions > 0 ? of.positions : chunk_positions(of.steps);
      const std::int64_t at_once = buffer.block_depth > 0 ? buffer.together : buffer.block_depth == 0 ? chunk : of.steps;
      points = *depth == 0 ? of.rows : of.rows * std::min(at_once, of.steps);
    }
    numbers += points * buffer.elements;
  }
  return numbers * of.number;
}

std::optional<std::int64_t> held_bytes(const ChunkPlans& plans, const HeldBytes& of, std::int64_t positions) {
  if (positions <= 0) positions = chunk_positions(of.steps);
  const std::int64_t chunks = std::max<std::int64_t>((of.steps + positions - 1) / positions, 1);
  HeldBytes chunk = of;
  chunk.steps = std::min(positions, of.steps);
  const std::optional<std::int64_t> run = held_bytes(*plans.chunk, chunk), tail = held_bytes(*plans.tail, of);
  if (!run || !tail) return std::nullopt;
  std::int64_t handed = 0, cut = 0;  // numbers
  for (const NodeId id : plans.chunk->inputs) {
    const PlanValue& value = plans.chunk->value(id);
    if (!value.space.on_batch()) continue;
    const std::int64_t numbers = of.rows * elements(value.shape);
    // What a chunk is given lies beside its buffers once more, as it was cut; its cotangents likewise.
    cut += value.space.axes().empty() ? numbers : numbers * chunk.steps;
    if (value.name.starts_with(kCarryPrefix)) handed += numbers;
  }
  return *run + *tail + (cut + handed * (chunks + 3)) * of.number;
}

}  // namespace tapeloop
