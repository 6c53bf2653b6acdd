#include "models/facade/checkpoint.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace tapeloop {

ChunkPlans compile_chunks(const Model& model, CompileOptions options, bool outputs, Diagnostics& diagnostics) {
  ChunkPlans plans;
  const bool cotangents = options.cotangents;
  options.chunk.outputs = outputs;
  for (const ChunkPart part : {ChunkPart::kChunk, ChunkPart::kTail}) {
    const bool chunk = part == ChunkPart::kChunk;
    options.chunk.part = part;
    options.cotangents = chunk || cotangents;  // a chunk's are those that the tail, or the chunk after it, hands back
    Compiled compiled = model.compile_into(diagnostics, options);
    if (diagnostics.has_errors()) return {};
    (chunk ? plans.chunk : plans.tail) = std::make_shared<const Plan>(std::move(compiled.plan));
  }
  return plans;
}

std::shared_ptr<const Plan> compile_recomputing(const Model& model, CompileOptions options, Diagnostics& diagnostics) {
  options.recompute = true;
  Compiled compiled = model.compile_into(diagnostics, options);
  if (diagnostics.has_errors()) return nullptr;
  const auto is_strips = [](const Segment& segment) { return segment.kind == Segment::Kind::kStrips; };
  if (std::none_of(compiled.plan.backward.begin(), compiled.plan.backward.end(), is_strips)) return nullptr;
  return std::make_shared<const Plan>(std::move(compiled.plan));
}

}  // namespace tapeloop
