#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "compiler/passes/product_terms.h"
#include "core/kind.h"

namespace tapeloop {
namespace {

class Joining {
 public:
  Joining(Plan& plan, ProductSums& sums, const std::vector<bool>& fixed) : plan_(plan), sums_(sums), fixed_(fixed) {}

  void run() {
    walk(plan_.forward);
    walk(plan_.backward);
    move_readers();
  }

 private:
  void walk(Program& program) {
    for (Segment& segment : program) {
      walk(segment.body);
      sum_beside(segment.instructions);
      put_side_by_side(segment.instructions);
    }
  }

  Instruction& at(InstructionId id) { return plan_.instructions[static_cast<std::size_t>(id)]; }
  ProductSum& sum(InstructionId id) { return sums_[static_cast<std::size_t>(id)]; }
  bool is_fixed(BufferId id) const { return static_cast<std::size_t>(id) < fixed_.size() && fixed_[static_cast<std::size_t>(id)]; }

  // ---- x @ A, x @ B  ->  x @ [A | B], the results beside each other in one buffer

  using List = std::vector<InstructionId>;
  using Left = std::tuple<BufferId, std::int64_t, TableId, LayoutId>;
  using Groups = std::map<Left, std::vector<List>>;  // of instructions with the same left side

  // Into the first group of its left side that it may join, else into one of its own.
  template <class MayJoin>
  void put(Groups& groups, const Operand& left, InstructionId id, const MayJoin& may_join) {
    std::vector<List>& candidates = groups[{left.buffer, left.column, left.table, at(id).layout}];
    const auto group = std::find_if(candidates.begin(), candidates.end(), may_join);
    if (group == candidates.end()) {
      candidates.push_back({id});
    } else {
      group->push_back(id);
    }
  }

  // Joins the groups by `join`, which says whose work is done by others from now on; those leave the list.
  template <class Join>
  static void join_groups(const Groups& groups, List& list, const Join& join) {
    List gone;
    for (const auto& [left, candidates] : groups) {
      for (const List& group : candidates) {
        if (group.size() < 2) continue;
        const List done = join(group);
        gone.insert(gone.end(), done.begin(), done.end());
      }
    }
    std::sort(gone.begin(), gone.end());
    std::erase_if(list, [&](InstructionId id) { return std::binary_search(gone.begin(), gone.end(), id); });
  }

  void put_side_by_side(List& list) {
    Groups groups;
    for (const InstructionId id : list) {
      if (!may_lie_beside(id)) continue;
      const ProductTerm& term = sum(id).terms.front();
      put(groups, term.left, id,
          [&](const List& group) { return sum(group.front()).terms.front().left == term.left && begin_beside(group, id); });
    }
    join_groups(groups, list, [&](const List& group) {
      lay_beside(group);
      return List(group.begin() + 1, group.end());
    });
  }

  // A product of vectors whose result nobody reads but instructions.
  bool may_lie_beside(InstructionId id) {
    if (static_cast<std::size_t>(id) >= sums_.size() || sum(id).terms.size() != 1) return false;
    const Instruction& made = at(id);
    if (sum(id).first.buffer != kNone && !sum(id).first_is_earlier) return false;  // it would have to come too early
    return plan_.value(sum(id).terms.front().read).shape.size() == 1 && !is_fixed(made.result());
  }

  // All begin with zeros, with rows of P, or with columns of one buffer that lie side by side.
  bool begin_beside(const List& group, InstructionId id) {
    const ProductSum& front = sum(group.front());
    if (front.first.buffer == kNone) return sum(id).first.buffer == kNone && sum(id).rows.empty() == front.rows.empty();
    const Operand first = moved(front.first);
    const Operand next = moved(sum(id).first);
    std::int64_t column = first.column;
    for (const InstructionId member : group) {
      const Dim& width = sum(member).terms.front().right.front().n;
      if (!width.is_number()) return false;
      column += width.number();
    }
    return next.buffer == first.buffer && next.column == column;
  }

  Operand moved(Operand operand) const {
    move(operand);
    return operand;
  }

  // The first of the group does the work of all: what it reads is there already, so the others may come earlier than they did.
  void lay_beside(const List& group) {
    Instruction& first = at(group.front());
    PlanValue whole = plan_.value(first.node);
    Buffer buffer = plan_.buffers[static_cast<std::size_t>(first.result())];
    Dim width = 0;
    std::string name;
    for (const InstructionId id : group) {
      const Instruction& made = at(id);
      const RightSide right = sum(id).terms.front().right.front();
      moved_[made.result()] = {static_cast<BufferId>(plan_.buffers.size()), width.is_number() ? width.number() : 0};
      buffer.taped = buffer.taped || plan_.buffers[static_cast<std::size_t>(made.result())].taped;
      name += (name.empty() ? "" : ", ") + plan_.value(made.node).name;
      width = width + right.n;
      if (id == group.front()) continue;
      sum(group.front()).terms.front().right.push_back(right);
      const std::vector<RightSide>& rows = sum(id).rows;
      sum(group.front()).rows.insert(sum(group.front()).rows.end(), rows.begin(), rows.end());
      first.flops = sum_of(first.flops, made.flops);
      at(id).operands.clear();
      first.bytes = sum_of(first.bytes, std::to_string(right.n.is_number() ? 4 * right.n.number() : 0));
    }
    buffer.shape = {width};
    buffer.elements = width.is_number() ? width.number() : 0;
    whole.name = name;
    whole.shape = {width};
    whole.buffer = static_cast<BufferId>(plan_.buffers.size());
    if (sum(group.front()).first.buffer != kNone) {
      move(sum(group.front()).first);
      sum(group.front()).first.shapes = {{width}};
      sum(group.front()).first_read = whole_of_.at(sum(group.front()).first.buffer);
    }
    whole.text = text_of(plan_, sum(group.front()));
    first.results = {{whole.buffer}};
    first.node = static_cast<NodeId>(plan_.nodes.size());
    first.text = name + " = " + whole.text;
    if (width.is_number()) first.product.n = width.number();
    whole_of_[whole.buffer] = first.node;
    plan_.buffers.push_back(std::move(buffer));
    plan_.nodes.push_back(std::move(whole));
  }

  // ---- sum(x^T @ a), sum(x^T @ b)  ->  one walk over x, a result for each

  void sum_beside(List& list) {
    Groups groups;
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
      put(groups, left, id, [&](const List& group) {
        if (at(group.front()).operands[0] != left || at(group.front()).product.m != made.product.m) return false;
        return std::none_of(group.begin(), group.end(), [&](InstructionId member) { return was_read.at(at(member).result()); });
      });
      was_read[made.result()] = false;
    }
    join_groups(groups, list, [&](const List& group) {
      join_sums(group);
      return List(group.begin(), group.end() - 1);
    });
  }

  // The last of the group does the work of all: by then everything that they read is there.
  void join_sums(const List& group) {
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
    for (ProductSum& sum : sums_) {
      for (ProductTerm& term : sum.terms) move(term.left);
      move(sum.first);
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

  Plan& plan_;
  ProductSums& sums_;
  const std::vector<bool>& fixed_;
  std::map<BufferId, std::pair<BufferId, std::int64_t>> moved_;
  std::map<BufferId, NodeId> whole_of_;  // what lies in each buffer of several values
};

}  // namespace

void join_products(Plan& plan, ProductSums& sums, const std::vector<bool>& fixed) { Joining(plan, sums, fixed).run(); }

}  // namespace tapeloop
