#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "compiler/passes/product_terms.h"
#include "core/kind.h"

namespace tapeloop {
namespace {

// "256", "512+4*features": summed where both are numbers.
std::string sum_of(const std::string& a, const std::string& b) {
  const auto number = [](const std::string& text) { return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos; };
  if (number(a) && number(b)) return std::to_string(std::stoll(a) + std::stoll(b));
  return a + "+" + b;
}

class Fusion {
 public:
  Fusion(Plan& plan, ProductTerms& terms, const std::vector<bool>& fixed) : plan_(plan), terms_(terms), fixed_(fixed) { count_readers(); }

  void run() {
    walk(plan_.forward);
    walk(plan_.backward);
    move_readers();
  }

 private:
  void walk(Program& program) {
    for (Segment& segment : program) {
      walk(segment.body);
      sum_up(segment.instructions);
      sum_beside(segment.instructions);
      put_side_by_side(segment.instructions);
    }
  }

  Instruction& at(InstructionId id) { return plan_.instructions[static_cast<std::size_t>(id)]; }
  std::vector<ProductTerm>& terms(InstructionId id) { return terms_[static_cast<std::size_t>(id)]; }
  bool is_fixed(BufferId id) const { return static_cast<std::size_t>(id) < fixed_.size() && fixed_[static_cast<std::size_t>(id)]; }

  void count_readers() {
    readers_.assign(plan_.buffers.size(), 0);
    for (const Instruction& made : plan_.instructions) {
      for (const Operand& operand : made.operands) {
        if (operand.buffer != kNone) ++readers_[static_cast<std::size_t>(operand.buffer)];
        for (const BufferId start : operand.starts) ++readers_[static_cast<std::size_t>(start)];
      }
    }
  }

  // ---- x @ A, x @ B  ->  x @ [A | B], the results beside each other in one buffer

  using Left = std::tuple<BufferId, std::int64_t, TableId, LayoutId>;

  void put_side_by_side(std::vector<InstructionId>& list) {
    std::map<Left, std::vector<std::vector<InstructionId>>> groups;  // products with the same left side
    for (const InstructionId id : list) {
      if (!may_lie_beside(id)) continue;
      const ProductTerm& term = terms(id).front();
      auto& candidates = groups[{term.left.buffer, term.left.column, term.left.table, at(id).layout}];
      const auto same = std::find_if(candidates.begin(), candidates.end(),
                                     [&](const auto& group) { return terms(group.front()).front().left == term.left; });
      if (same == candidates.end()) {
        candidates.push_back({id});
      } else {
        same->push_back(id);
      }
    }
    std::vector<InstructionId> gone;
    for (const auto& [left, candidates] : groups) {
      for (const std::vector<InstructionId>& group : candidates) {
        if (group.size() < 2) continue;
        lay_beside(group);
        gone.insert(gone.end(), group.begin() + 1, group.end());
      }
    }
    std::sort(gone.begin(), gone.end());
    std::erase_if(list, [&](InstructionId id) { return std::binary_search(gone.begin(), gone.end(), id); });
  }

  // A product of vectors whose result nobody reads but instructions.
  bool may_lie_beside(InstructionId id) {
    if (static_cast<std::size_t>(id) >= terms_.size() || terms(id).size() != 1) return false;
    const Instruction& made = at(id);
    return plan_.value(terms(id).front().read).shape.size() == 1 && !is_fixed(made.result());
  }

  // The first of the group does the work of all: what it reads is there already, so the others may come earlier than they did.
  void lay_beside(const std::vector<InstructionId>& group) {
    Instruction& first = at(group.front());
    PlanValue whole = plan_.value(first.node);
    Buffer buffer = plan_.buffers[static_cast<std::size_t>(first.result())];
    Dim width = 0;
    std::string name;
    for (const InstructionId id : group) {
      const Instruction& made = at(id);
      const RightSide right = terms(id).front().right.front();
      moved_[made.result()] = {static_cast<BufferId>(plan_.buffers.size()), width.is_number() ? width.number() : 0};
      buffer.taped = buffer.taped || plan_.buffers[static_cast<std::size_t>(made.result())].taped;
      name += (name.empty() ? "" : ", ") + plan_.value(made.node).name;
      width = width + right.n;
      if (id == group.front()) continue;
      terms(group.front()).front().right.push_back(right);
      first.flops = sum_of(first.flops, made.flops);
      at(id).operands.clear();
      first.bytes = sum_of(first.bytes, std::to_string(right.n.is_number() ? 4 * right.n.number() : 0));
    }
    buffer.shape = {width};
    buffer.elements = width.is_number() ? width.number() : 0;
    whole.name = name;
    whole.shape = {width};
    whole.buffer = static_cast<BufferId>(plan_.buffers.size());
    whole.text = text_of(terms(group.front()));
    first.results = {{whole.buffer}};
    first.node = static_cast<NodeId>(plan_.nodes.size());
    first.text = name + " = " + whole.text;
    if (width.is_number()) first.product.n = width.number();
    plan_.buffers.push_back(std::move(buffer));
    plan_.nodes.push_back(std::move(whole));
  }

  std::string text_of(const std::vector<ProductTerm>& sum) const {
    std::string text;
    for (const ProductTerm& term : sum) {
      std::string right;
      for (const RightSide& side : term.right) right += (right.empty() ? "" : " | ") + weights_text(side);
      if (term.right.size() > 1) right = "[" + right + "]";
      text += (text.empty() ? "" : " + ") + term.text + " @ " + right;
    }
    return text;
  }

  std::string weights_text(const RightSide& side) const {
    const PlanValue& value = plan_.value(side.node);
    return value.is_part && !value.text.empty() ? value.text : value.name;
  }

  // ---- sum(x^T @ a), sum(x^T @ b)  ->  one walk over x, a result for each

  void sum_beside(std::vector<InstructionId>& list) {
    std::map<Left, std::vector<std::vector<InstructionId>>> groups;
    std::map<BufferId, bool> was_read;  // results so far, and whether they have been read: they cannot come later then
    for (const InstructionId id : list) {
      const Instruction& made = at(id);
      for (const Operand& operand : made.operands) {
        const auto result = was_read.find(operand.buffer);
        if (result != was_read.end()) result->second = true;
      }
      if (made.op != OpCode::kProductSum || made.layout == kNone || made.group != kNone || made.kind->adds_by_number) continue;
      if (plan_.buffers[static_cast<std::size_t>(made.result())].layout != kNone) continue;
      const Operand& left = made.operands[0];
      auto& candidates = groups[{left.buffer, left.column, left.table, made.layout}];
      const auto same = std::find_if(candidates.begin(), candidates.end(), [&](const auto& group) {
        if (at(group.front()).operands[0] != left || at(group.front()).product.m != made.product.m) return false;
        return std::none_of(group.begin(), group.end(), [&](InstructionId member) { return was_read.at(at(member).result()); });
      });
      was_read[made.result()] = false;
      if (same == candidates.end()) {
        candidates.push_back({id});
      } else {
        same->push_back(id);
      }
    }
    std::vector<InstructionId> gone;
    for (const auto& [left, candidates] : groups) {
      for (const std::vector<InstructionId>& group : candidates) {
        if (group.size() > 1) join_sums(group);
        gone.insert(gone.end(), group.begin(), group.end() - 1);
      }
    }
    std::sort(gone.begin(), gone.end());
    std::erase_if(list, [&](InstructionId id) { return std::binary_search(gone.begin(), gone.end(), id); });
  }

  // The last of the group does the work of all: by then everything that they read is there.
  void join_sums(const std::vector<InstructionId>& group) {
    Instruction joined = at(group.front());
    std::string name = plan_.value(joined.node).name;
    std::string right = after_left(joined);
    Dim width = plan_.value(joined.node).shape.back();
    for (auto id = group.begin() + 1; id != group.end(); ++id) {
      Instruction& made = at(*id);
      joined.operands.push_back(made.operands[1]);
      joined.reads.push_back(made.reads[1]);
      joined.results.push_back(made.results.front());
      name += ", " + plan_.value(made.node).name;
      right += " | " + after_left(made);
      width = width + plan_.value(made.node).shape.back();
      joined.flops = sum_of(joined.flops, made.flops);
      joined.bytes = sum_of(joined.bytes, made.bytes);
      made.operands.clear();
    }
    PlanValue whole = plan_.value(joined.node);
    const std::string& text = joined.text;
    const std::size_t from = text.find(" = ") + 3;
    whole.text = text.substr(from, text.find(" @ ", from) + 3 - from) + "[" + right + "])";
    whole.name = name;
    whole.shape.back() = width;
    whole.buffer = kNone;
    joined.text = name + " = " + whole.text;
    joined.node = static_cast<NodeId>(plan_.nodes.size());
    plan_.nodes.push_back(std::move(whole));
    at(group.front()).operands.clear();
    at(group.back()) = std::move(joined);
  }

  // "d(U) = sum(h^T @ d(a))" -> "d(a)"
  static std::string after_left(const Instruction& made) {
    const std::size_t at = made.text.find(" @ ");
    const std::size_t from = at == std::string::npos ? made.text.find(" = ") + 3 : at + 3;
    return made.text.substr(from, made.text.size() - from - 1);
  }

  // Whoever read a result finds it in its columns of the wider buffer.
  void move_readers() {
    const auto found = [&](BufferId id) { return moved_.find(id); };
    for (Instruction& made : plan_.instructions) {
      for (Operand& operand : made.operands) move(operand);
    }
    for (std::vector<ProductTerm>& sum : terms_) {
      for (ProductTerm& term : sum) move(term.left);
    }
    for (PlanValue& value : plan_.nodes) {
      const auto at = found(value.buffer);
      if (at == moved_.end()) continue;
      value.buffer = at->second.first;
      value.column = at->second.second;
    }
  }

  void move(Operand& operand) const {
    const auto at = moved_.find(operand.buffer);
    if (at == moved_.end()) return;
    if (operand.shapes.empty()) operand.shapes = {plan_.buffers[static_cast<std::size_t>(operand.buffer)].shape};
    operand.buffer = at->second.first;
    operand.column += at->second.second;
  }

  // ---- a @ A + b @ B  ->  one product with two terms

  bool is_single_product(InstructionId id) {
    return static_cast<std::size_t>(id) < terms_.size() && !terms(id).empty() && read_once(at(id).result());
  }
  bool read_once(BufferId id) const { return readers_[static_cast<std::size_t>(id)] == 1 && !is_fixed(id); }

  // An addition of equal shapes at the same points.
  bool is_plain_sum(InstructionId id) {
    const Instruction& made = at(id);
    if (made.op != OpCode::kPoint || made.program.size() != 1 || made.kind->symbol != "+" || made.operands.size() != 2) return false;
    return std::all_of(made.operands.begin(), made.operands.end(), [&](const Operand& operand) {
      const Buffer& from = plan_.buffers[static_cast<std::size_t>(operand.buffer == kNone ? made.result() : operand.buffer)];
      return operand.buffer != kNone && operand.table == kNone && from.layout == made.layout &&
             from.shape == plan_.buffers[static_cast<std::size_t>(made.result())].shape;
    });
  }

  struct Leaf {
    Operand operand;
    NodeId read = kNone;
    InstructionId product = kNone;
  };

  void sum_up(std::vector<InstructionId>& list) {
    std::map<BufferId, InstructionId> maker;
    for (const InstructionId id : list) maker[at(id).result()] = id;
    std::vector<InstructionId> gone;
    std::map<InstructionId, std::vector<InstructionId>> before;  // instructions that move right before another one
    for (std::size_t k = list.size(); k-- > 0;) {                // the last addition of a sum first
      const InstructionId root = list[k];
      if (!is_plain_sum(root) || std::find(gone.begin(), gone.end(), root) != gone.end()) continue;
      std::vector<InstructionId> inner;
      std::vector<Leaf> leaves;
      collect(root, maker, inner, leaves);
      const auto products = std::count_if(leaves.begin(), leaves.end(), [](const Leaf& leaf) { return leaf.product != kNone; });
      if (products < 2) continue;
      gone.insert(gone.end(), inner.begin(), inner.end());
      before[root] = rebuild(root, inner, leaves, gone);
    }
    if (before.empty()) return;
    std::vector<InstructionId> out;
    for (const InstructionId id : list) {
      const auto moved = before.find(id);
      if (moved != before.end()) out.insert(out.end(), moved->second.begin(), moved->second.end());
      if (std::find(gone.begin(), gone.end(), id) == gone.end()) out.push_back(id);
    }
    list = std::move(out);
  }

  // The leaves of the sum that ends in `root`, in the order in which they are added, and the additions inside it.
  void collect(InstructionId root, const std::map<BufferId, InstructionId>& maker, std::vector<InstructionId>& inner,
               std::vector<Leaf>& leaves) {
    std::vector<std::pair<InstructionId, std::size_t>> work{{root, 1}, {root, 0}};
    while (!work.empty()) {
      const auto [id, operand] = work.back();
      work.pop_back();
      const Operand& read = at(id).operands[operand];
      const auto made = maker.find(read.buffer);
      const bool inside = made != maker.end() && at(made->second).result() == read.buffer && read_once(read.buffer);
      if (inside && is_plain_sum(made->second) && at(made->second).layout == at(root).layout) {
        inner.push_back(made->second);
        work.emplace_back(made->second, 1);
        work.emplace_back(made->second, 0);
        continue;
      }
      const bool product = inside && is_single_product(made->second) && at(made->second).layout == at(root).layout;
      leaves.push_back({read, at(id).reads[operand], product ? made->second : kNone});
    }
  }

  // One product for all leaves that are products, added to the others; returns what must run right before the root.
  std::vector<InstructionId> rebuild(InstructionId root, const std::vector<InstructionId>& inner, const std::vector<Leaf>& leaves,
                                     std::vector<InstructionId>& gone) {
    std::vector<Leaf> others;
    InstructionId product = kNone;
    for (const Leaf& leaf : leaves) {
      if (leaf.product == kNone) {
        others.push_back(leaf);
        continue;
      }
      gone.push_back(leaf.product);
      if (product == kNone) {
        product = leaf.product;
        continue;
      }
      std::vector<ProductTerm>& more = terms(leaf.product);
      terms(product).insert(terms(product).end(), more.begin(), more.end());
      at(product).flops = sum_of(at(product).flops, at(leaf.product).flops);
      at(product).bytes = sum_of(at(product).bytes, at(leaf.product).bytes);
      at(leaf.product).operands.clear();
    }
    Instruction& merged = at(product);
    plan_.nodes[static_cast<std::size_t>(merged.node)].text = text_of(terms(product));
    merged.text = plan_.value(merged.node).name + " = " + text_of(terms(product));
    if (others.empty()) {
      merged.results = {{at(root).result()}};
      merged.node = at(root).node;
      merged.text = plan_.value(merged.node).name + " = " + text_of(terms(product));
      gone.push_back(root);
      return {product};
    }
    std::vector<InstructionId> moved{product};
    Leaf sum = others.front();
    for (std::size_t k = 1; k < others.size(); ++k) {
      add(inner[k - 1], sum, others[k]);
      moved.push_back(inner[k - 1]);
      const Instruction& partial = at(inner[k - 1]);
      sum = {{partial.result(), kNone, {}, {}, 0}, partial.node, kNone};
    }
    add(root, sum, {{merged.result(), kNone, {}, {}, 0}, merged.node, kNone});
    return moved;
  }

  void add(InstructionId id, const Leaf& a, const Leaf& b) {
    Instruction& made = at(id);
    made.operands = {a.operand, b.operand};
    made.reads = {a.read, b.read};
    made.text = plan_.value(made.node).name + " = " + plan_.value(a.read).name + " + " + plan_.value(b.read).name;
    made.program.front().text = made.text;
  }

  Plan& plan_;
  ProductTerms& terms_;
  const std::vector<bool>& fixed_;
  std::vector<int> readers_;
  std::map<BufferId, std::pair<BufferId, std::int64_t>> moved_;
};

}  // namespace

void fuse_products(Plan& plan, ProductTerms& terms, const std::vector<bool>& fixed) { Fusion(plan, terms, fixed).run(); }

}  // namespace tapeloop
