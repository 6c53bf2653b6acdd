#include "models/facade/checkpoint.h"

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

}  // namespace tapeloop
