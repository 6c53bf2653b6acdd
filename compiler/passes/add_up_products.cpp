#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "compiler/passes/plan_use.h"
#include "compiler/passes/product_terms.h"
#include "core/kind.h"

namespace tapeloop {
namespace {

class AddingUp {
 public:
  AddingUp(Plan& plan, ProductSums& sums, const std::vector<bool>& fixed)
      : plan_(plan), sums_(sums), fixed_(fixed), readers_(count_reads(plan)), maker_(plan.buffers.size(), kNone) {
    for (std::size_t id = 0; id < plan_.instructions.size(); ++id) {
      const Instruction& made = plan_.instructions[id];
      if (made.result() != kNone) maker_[static_cast<std::size_t>(made.result())] = static_cast<InstructionId>(id);
    }
    stage_.assign(plan_.instructions.size(), 0);
    number(plan_.forward, 0);
    number(plan_.backward, plan_.forward.empty() ? 0 : plan_.forward.back().stage + 1);
  }

  void run(Program& program) {
    for (Segment& segment : program) {
      run(segment.body);
      sum_up(segment.instructions);
    }
  }

 private:
  using List = std::vector<InstructionId>;

  // What a sum adds up.
  struct Leaf {
    Operand operand;
    NodeId read = kNone;
    InstructionId product = kNone;  // if it is a product of this list that nobody else reads
    bool in_p = false;              // one row for all points
  };

  // The stage of every instruction; those of backward follow those of forward.
  void number(const Program& program, int first) {
    for (const Segment& segment : program) number(segment, first + segment.stage);
  }
  void number(const Segment& segment, int stage) {
    for (const InstructionId id : segment.instructions) stage_[static_cast<std::size_t>(id)] = stage;
    for (const Segment& part : segment.body) number(part, stage);
  }

  // Whether a value of P is there before the instruction's stage begins.
  bool is_made_before(BufferId row, InstructionId id) const {
    const InstructionId made = maker_[static_cast<std::size_t>(row)];
    return made == kNone || stage_[static_cast<std::size_t>(made)] < stage_[static_cast<std::size_t>(id)];
  }

  Instruction& at(InstructionId id) { return plan_.instructions[static_cast<std::size_t>(id)]; }
  ProductSum& sum(InstructionId id) { return sums_[static_cast<std::size_t>(id)]; }
  const Buffer& buffer(BufferId id) const { return plan_.buffers[static_cast<std::size_t>(id)]; }
  bool read_once(BufferId id) const { return readers_[static_cast<std::size_t>(id)] == 1 && !fixed_[static_cast<std::size_t>(id)]; }

  // An addition of equal shapes, at the same points or of a row of P.
  bool is_plain_sum(InstructionId id) {
    const Instruction& made = at(id);
    if (made.op != OpCode::kPoint || made.kind->symbol != "+" || made.operands.size() != 2 || made.layout == kNone) return false;
    return std::all_of(made.operands.begin(), made.operands.end(), [&](const Operand& operand) {
      if (operand.buffer == kNone || operand.table != kNone) return false;
      const Buffer& from = buffer(operand.buffer);
      return (from.layout == made.layout || from.layout == kNone) && from.shape == buffer(made.result()).shape;
    });
  }

  bool is_own_product(InstructionId id) const {
    return id != kNone && !sums_[static_cast<std::size_t>(id)].terms.empty() &&
           read_once(plan_.instructions[static_cast<std::size_t>(id)].result());
  }

  // Of vectors: what it begins with is a row as wide as the result's.
  bool may_begin(const ProductSum& sum) const {
    return sum.begins_with_zeros() && std::all_of(sum.terms.begin(), sum.terms.end(),
                                                  [&](const ProductTerm& term) { return plan_.value(term.read).shape.size() == 1; });
  }

  // A sum to be rebuilt, and what its product may begin with.
  struct Pending {
    InstructionId root = kNone;
    List inner;
    std::vector<Leaf> leaves;
    InstructionId product = kNone;  // the first of its products
  };
  enum class Begin { kAnything, kEarlierProduct, kRow, kZeros };

  void sum_up(List& list) {
    here_ = std::set<InstructionId>(list.begin(), list.end());
    gone_.clear();
    std::vector<Pending> pending;
    std::set<InstructionId> without;               // additions in a sum that has no product
    for (std::size_t k = list.size(); k-- > 0;) {  // the last addition of a sum first
      const InstructionId root = list[k];
      if (gone_.contains(root) || without.contains(root) || !is_plain_sum(root)) continue;
      Pending found{root, {}, {}, kNone};
      collect(root, found.inner, found.leaves);
      const auto product = std::find_if(found.leaves.begin(), found.leaves.end(), [](const Leaf& leaf) { return leaf.product != kNone; });
      if (product == found.leaves.end()) {
        without.insert(found.inner.begin(), found.inner.end());
        continue;
      }
      found.product = product->product;
      gone_.insert(found.inner.begin(), found.inner.end());
      pending.push_back(std::move(found));
    }
    if (pending.empty()) return;
    std::map<InstructionId, List> before;  // instructions that move right before another one
    const std::vector<Begin> begins = agree(list, pending);
    for (std::size_t k = 0; k < pending.size(); ++k) before[pending[k].root] = rebuild(pending[k], begins[k]);
    List out;
    for (const InstructionId id : list) {
      const auto moved = before.find(id);
      if (moved != before.end()) out.insert(out.end(), moved->second.begin(), moved->second.end());
      if (!gone_.contains(id)) out.push_back(id);
    }
    list = std::move(out);
  }

  // Products of one left side can be joined later if all of them begin alike: that comes first.
  std::vector<Begin> agree(const List& list, const std::vector<Pending>& pending) {
    std::vector<Begin> begins(pending.size(), Begin::kAnything);
    for (std::size_t k = 0; k < pending.size(); ++k) {
      const ProductTerm& term = sum(pending[k].product).terms.front();
      std::size_t alike = 0;  // products of the list with this left side
      for (const InstructionId id : list) alike += has_left(id, term.left) ? 1 : 0;
      if (alike < 2) continue;
      std::size_t earlier = 0;
      std::size_t rows = 0;
      for (const Pending& other : pending) {
        if (!has_left(other.product, term.left)) continue;
        const InstructionId mine = earlier_of(pending[k]);
        const InstructionId theirs = earlier_of(other);
        earlier += mine != kNone && theirs != kNone && has_left(theirs, sum(mine).terms.front().left) ? 1 : 0;
        rows += std::any_of(other.leaves.begin(), other.leaves.end(), [](const Leaf& leaf) { return leaf.in_p; }) ? 1 : 0;
      }
      begins[k] = earlier == alike ? Begin::kEarlierProduct : rows == alike ? Begin::kRow : Begin::kZeros;
    }
    return begins;
  }

  bool has_left(InstructionId id, const Operand& left) const {
    const std::vector<ProductTerm>& terms = sums_[static_cast<std::size_t>(id)].terms;
    return terms.size() == 1 && terms.front().left == left;
  }

  InstructionId earlier_of(const Pending& pending) const {
    for (const Leaf& leaf : pending.leaves) {
      const InstructionId earlier = leaf.product == kNone ? earlier_product(leaf) : kNone;
      if (earlier != kNone) return earlier;
    }
    return kNone;
  }

  // The leaves of the sum that ends in `root`, in the order in which they are added, and the additions inside it.
  void collect(InstructionId root, List& inner, std::vector<Leaf>& leaves) {
    std::vector<std::pair<InstructionId, std::size_t>> open{{root, 1}, {root, 0}};
    while (!open.empty()) {
      const auto [id, number] = open.back();
      open.pop_back();
      const Operand& read = at(id).operands[number];
      const InstructionId made = maker_[static_cast<std::size_t>(read.buffer)];
      const bool inside = made != kNone && here_.contains(made) && read_once(read.buffer) && at(made).layout == at(root).layout;
      if (inside && is_plain_sum(made)) {
        inner.push_back(made);
        open.emplace_back(made, 1);
        open.emplace_back(made, 0);
        continue;
      }
      leaves.push_back({read, at(id).reads[number], inside && is_own_product(made) ? made : kNone, buffer(read.buffer).layout == kNone});
    }
  }

  // One product for all leaves that are products, which begins with one of the others; returns what must run right before the root.
  List rebuild(const Pending& pending, Begin begin) {
    const InstructionId root = pending.root;
    const List& inner = pending.inner;
    std::vector<Leaf> others;
    InstructionId product = kNone;
    for (const Leaf& leaf : pending.leaves) {
      if (leaf.product == kNone) {
        others.push_back(leaf);
        continue;
      }
      gone_.insert(leaf.product);  // from where it stood
      if (product == kNone) {
        product = leaf.product;
      } else {
        take_terms(product, leaf.product);
      }
    }
    List moved;
    if (begin != Begin::kZeros && may_begin(sum(product))) {
      const bool own =
          std::none_of(others.begin(), others.end(), [&](const Leaf& leaf) { return leaf.in_p || earlier_product(leaf) != kNone; });
      if (begin == Begin::kAnything && own) moved = add_up(others, inner);
      begin_with_one(product, others, begin);
    }
    Instruction& merged = at(product);
    if (others.empty()) {
      merged.results = {{at(root).result()}};
      merged.node = at(root).node;
      gone_.insert(root);
    }
    PlanValue& value = plan_.nodes[static_cast<std::size_t>(merged.node)];
    value.text = text_of(plan_, sum(product));
    merged.text = value.name + " = " + value.text;
    moved.push_back(product);
    if (others.empty()) return moved;
    const List added = add_up(others, inner);
    moved.insert(moved.end(), added.begin(), added.end());
    add(root, others.front(), {{merged.result(), kNone, {}, {}, 0}, merged.node, kNone, false});
    return moved;
  }

  // One value for all of them, by the additions that are free for it; returns these. What is added before a product, which then begins
  // with it, joins the pass that makes what is added.
  List add_up(std::vector<Leaf>& others, const List& inner) {
    List added;
    for (std::size_t k = 1; k < others.size(); ++k) {
      const InstructionId id = inner[k - 1];
      add(id, others.front(), others[k]);
      others.front() = {{at(id).result(), kNone, {}, {}, 0}, at(id).node, kNone, false};
      added.push_back(id);
    }
    if (!others.empty()) others.resize(1);
    return added;
  }

  void take_terms(InstructionId product, InstructionId from) {
    std::vector<ProductTerm>& more = sum(from).terms;
    sum(product).terms.insert(sum(product).terms.end(), more.begin(), more.end());
    at(product).flops = sum_of(at(product).flops, at(from).flops);
    at(product).bytes = sum_of(at(product).bytes, at(from).bytes);
    at(from).operands.clear();
  }

  // A product made elsewhere comes first (it begins with a bias in turn, if there is one), then any value, then a bias.
  void begin_with_one(InstructionId product, std::vector<Leaf>& others, Begin begin) {
    const auto bias = [&] { return std::find_if(others.begin(), others.end(), [](const Leaf& leaf) { return leaf.in_p; }); };
    auto chosen = std::find_if(others.begin(), others.end(), [&](const Leaf& leaf) { return earlier_product(leaf) != kNone; });
    if (begin != Begin::kRow && chosen != others.end()) {
      const InstructionId earlier = earlier_product(*chosen);
      const Leaf first = *chosen;
      others.erase(chosen);
      if (may_begin(sum(earlier)) && bias() != others.end() && is_made_before(bias()->operand.buffer, earlier)) {
        begin_with_row(earlier, *bias());
        others.erase(bias());
      }
      begin_with_value(product, first);
      return;
    }
    chosen = std::find_if(others.begin(), others.end(), [&](const Leaf& leaf) { return begin == Begin::kAnything && !leaf.in_p; });
    if (chosen != others.end()) {
      begin_with_value(product, *chosen);
      others.erase(chosen);
    } else if (bias() != others.end()) {
      begin_with_row(product, *bias());
      others.erase(bias());
    }
  }

  // Of another list, read by nobody else.
  InstructionId earlier_product(const Leaf& leaf) const {
    const InstructionId made = maker_[static_cast<std::size_t>(leaf.operand.buffer)];
    return is_own_product(made) && !here_.contains(made) ? made : kNone;
  }

  void begin_with_value(InstructionId product, const Leaf& leaf) {
    sum(product).first = leaf.operand;
    sum(product).first_read = leaf.read;
    const InstructionId made = maker_[static_cast<std::size_t>(leaf.operand.buffer)];
    sum(product).first_is_earlier = made == kNone || !here_.contains(made);
  }

  void begin_with_row(InstructionId product, const Leaf& leaf) {
    const Shape& shape = buffer(leaf.operand.buffer).shape;
    sum(product).rows = {{leaf.operand.buffer, leaf.read, false, Dim(1), shape.empty() ? Dim(1) : shape.back()}};
    Instruction& made = at(product);
    PlanValue& value = plan_.nodes[static_cast<std::size_t>(made.node)];
    value.text = text_of(plan_, sum(product));
    made.text = value.name + " = " + value.text;
  }

  void add(InstructionId id, const Leaf& a, const Leaf& b) {
    Instruction& made = at(id);
    made.operands = {a.operand, b.operand};
    made.reads = {a.read, b.read};
    made.text = plan_.value(made.node).name + " = " + plan_.value(a.read).name + " + " + plan_.value(b.read).name;
    made.program.front().text = made.text;
  }

  Plan& plan_;
  ProductSums& sums_;
  const std::vector<bool>& fixed_;
  std::vector<int> readers_;             // [buffer]
  std::vector<InstructionId> maker_;     // [buffer]
  std::vector<int> stage_;               // [instruction]
  std::set<InstructionId> here_, gone_;  // of the list at hand
};

}  // namespace

std::string sum_of(const std::string& a, const std::string& b) {
  const auto number = [](const std::string& text) { return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos; };
  if (number(a) && number(b)) return std::to_string(std::stoll(a) + std::stoll(b));
  return a + "+" + b;
}

void add_up_products(Plan& plan, ProductSums& sums, const std::vector<bool>& fixed) {
  AddingUp adding(plan, sums, fixed);
  adding.run(plan.forward);
  adding.run(plan.backward);
}

}  // namespace tapeloop
