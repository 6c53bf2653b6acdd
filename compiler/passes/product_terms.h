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

// What an instruction multiplies: the sum of its terms, added to what it begins with.
struct ProductSum {
  std::vector<ProductTerm> terms;  // none: no product of points with weights
  Operand first;                   // of the product's own points; no buffer: it begins with zeros, or with `rows`
  NodeId first_read = kNone;
  bool first_is_earlier = false;  // `first` is made in another list of instructions
  std::vector<RightSide> rows;    // numbers [n] beside each other, the same for all points: a bias
  bool begins_with_zeros() const { return first.buffer == kNone && rows.empty(); }
};

// Of each instruction of a plan.
using ProductSums = std::vector<ProductSum>;
ProductSums product_sums(const Plan& plan);
std::string text_of(const Plan& plan, const ProductSum& sum);
// "256", "512+4*features": summed where both are numbers.
std::string sum_of(const std::string& a, const std::string& b);

// Several products that are only added up, and what is added to them, become one. `fixed` buffers are left as they are.
// Requires: stages are ordered (here and in join_products), so that what is in P is made before the stage that reads it.
void add_up_products(Plan& plan, ProductSums& sums, const std::vector<bool>& fixed);
// One product for several that read the same left side. Merged products are taken out of their segments.
void join_products(Plan& plan, ProductSums& sums, const std::vector<bool>& fixed);

// Every product reads its weights as made by a kPack instruction, which stands before the loop that needs it.
void pack_weights(Plan& plan, const ProductSums& sums, const std::vector<bool>& fixed);

}  // namespace tapeloop
