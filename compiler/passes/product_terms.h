// Products with weights as fuse_products and pack_weights see them: what is multiplied from the left, and the weights on the right.
#pragma once

#include <string>
#include <vector>

#include "core/plan.h"

namespace tapeloop {

// Weights [k, n]; transposed: they lie as [n, k].
struct RightSide {
  BufferId buffer = kNone;
  NodeId node = kNone;  // whose name is shown
  bool transposed = false;
  Dim k, n;
  bool operator==(const RightSide&) const = default;
};

// left @ [right | right | ..]
struct ProductTerm {
  Operand left;
  NodeId read = kNone;  // the value on the left, before it is moved
  std::string text;     // how the left side is written: "h_tm1"
  std::vector<RightSide> right;
};

// Of each instruction of a plan: the terms whose sum it is; empty if it is no product of points with weights.
using ProductTerms = std::vector<std::vector<ProductTerm>>;
ProductTerms product_terms(const Plan& plan);

// One product for several: of those of a step that read the same left side, and of those that are only added up. Merged
// products are taken out of their segments; `fixed` buffers are left as they are.
void fuse_products(Plan& plan, ProductTerms& terms, const std::vector<bool>& fixed);

// Every product reads its weights as made by a kPack instruction, which stands before the loop that needs it.
void pack_weights(Plan& plan, const ProductTerms& terms, const std::vector<bool>& fixed);

// Buffers that somebody outside the plan reads: outputs, gradients, lengths, the loss, `keep`.
std::vector<bool> fixed_buffers(const Plan& plan, const std::vector<NodeId>& keep);
// Drops instructions that stand in no segment and buffers that no instruction uses.
void drop_unused(Plan& plan);

}  // namespace tapeloop
