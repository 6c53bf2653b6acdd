// Beam search along axes whose end a value decides: `until: done, max: N, beam: K`.
//
// The token that a model says is its argmax, and what it says next depends on it. The pass makes an axis "t.beam" of K hypotheses
// and puts all that depends on the token, and that the token depends on, there. At each position:
//   candidates = score_tm1 + log_softmax(logits)    of every hypothesis and token; one that has ended has itself alone
//   best       = the K largest of all, each divided by the penalty of its length
//   parent, token, score of hypothesis k are those of candidate best[k]
// A value that is tapped along t is that of the hypothesis the reader goes on from: its parent's, for two steps the parent's
// parent's. The run ends when no hypothesis that goes on could still reach the best one that has ended. From its end the parents of
// the best hypothesis are followed back; whatever else reads the token, the logits or a state, reads them along that path.
//
// Penalty of n tokens: ((5 + n) / 6) ^ length_penalty (Wu et al. 2016, arXiv:1609.08144, equation 14); 0: none.
#pragma once

#include "core/diagnostics.h"
#include "core/graph.h"
#include "core/kind.h"

namespace tapeloop {

// Reports what cannot be searched (E0613). REQUIRES: leave_out_unknown, shapes. Ensures: no axis has a beam.
Graph beam(Graph graph, const Registry& registry, Diagnostics& diagnostics);

}  // namespace tapeloop
