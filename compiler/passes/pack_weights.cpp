#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "compiler/passes/plan_use.h"
#include "compiler/passes/product_terms.h"
#include "core/kind.h"

namespace tapeloop {

namespace {

std::string shown(const Plan& plan, const RightSide& side) {
  const PlanValue& value = plan.value(side.node);
  return value.is_part && !value.text.empty() ? value.text : value.name;
}

// "z#2 = h_tm1 @ U" -> "h_tm1"
std::string left_text(const Instruction& made) {
  const std::size_t from = made.text.find(" = ") + 3;
  const std::size_t to = made.text.find(" @ ", from);
  return to == std::string::npos ? made.text.substr(from) : made.text.substr(from, to - from);
}

}  // namespace

ProductSums product_sums(const Plan& plan) {
  std::vector<const Instruction*> maker(plan.buffers.size(), nullptr);
  for (const Instruction& made : plan.instructions) {
    for (const Result& result : made.results) {
      if (result.buffer != kNone) maker[static_cast<std::size_t>(result.buffer)] = &made;
    }
  }
  ProductSums sums(plan.instructions.size());
  for (std::size_t k = 0; k < sums.size(); ++k) {
    const Instruction& made = plan.instructions[k];
    if (made.op != OpCode::kProduct || made.layout == kNone) continue;
    const Operand& weights = made.operands[1];
    if (weights.table != kNone || plan.buffers[static_cast<std::size_t>(weights.buffer)].layout != kNone) continue;
    RightSide right{weights.buffer, made.reads[1], false, 1, 1};
    // A transposed matrix need not be made: packing reads it the other way.
    const Instruction* turn = maker[static_cast<std::size_t>(weights.buffer)];
    if (turn && turn->op == OpCode::kLocal && turn->kind->turns_matrix && plan.value(turn->node).shape.size() == 2) {
      right.buffer = turn->operands[0].buffer;
      right.transposed = true;
    }
    const Shape& shape = plan.value(made.reads[1]).shape;
    right.k = shape.front();
    if (shape.size() > 1) right.n = shape.back();
    sums[k].terms = {{made.operands[0], made.reads[0], left_text(made), {std::move(right)}}};
  }
  return sums;
}

std::string text_of(const Plan& plan, const ProductSum& sum) {
  const auto beside = [&](const std::vector<RightSide>& sides) {
    std::string text;
    for (const RightSide& side : sides) text += (text.empty() ? "" : " | ") + shown(plan, side);
    return sides.size() > 1 ? "[" + text + "]" : text;
  };
  std::string text = sum.first.buffer != kNone ? plan.value(sum.first_read).name : beside(sum.rows);
  if (sum.first.buffer != kNone && text.find(", ") != std::string::npos) text = "[" + text + "]";
  for (const ProductTerm& term : sum.terms) text += (text.empty() ? "" : " + ") + term.text + " @ " + beside(term.right);
  return text;
}

namespace {

class Packing {
 public:
  Packing(Plan& plan, const ProductSums& sums, const std::vector<bool>& fixed) : plan_(plan), sums_(sums), fixed_(fixed) {}

  void run() {
    plan_.forward = with_packs(std::move(plan_.forward));
    plan_.backward = with_packs(std::move(plan_.backward));
    drop_turned();
    drop_unused(plan_);
  }

 private:
  Program with_packs(Program program) {
    Program out;
    for (Segment& segment : program) {
      if (segment.kind != Segment::Kind::kBulk) {
        std::vector<InstructionId> packs;
        give_packed(segment, packs);
        if (!packs.empty()) {
          if (out.empty() || out.back().kind != Segment::Kind::kBulk) out.push_back({});
          std::vector<InstructionId>& before = out.back().instructions;
          before.insert(before.end(), packs.begin(), packs.end());
        }
      } else {
        std::vector<InstructionId> list;
        for (const InstructionId id : segment.instructions) {
          give_packed(id, list);
          list.push_back(id);
        }
        segment.instructions = std::move(list);
      }
      out.push_back(std::move(segment));
    }
    return out;
  }

  void give_packed(const Segment& segment, std::vector<InstructionId>& packs) {
    for (const InstructionId id : segment.instructions) give_packed(id, packs);
    for (const Segment& part : segment.body) give_packed(part, packs);
  }

  // Puts packed weights into a product; those that are not there yet are made by new instructions in `packs`.
  void give_packed(InstructionId id, std::vector<InstructionId>& packs) {
    if (static_cast<std::size_t>(id) >= sums_.size() || sums_[static_cast<std::size_t>(id)].terms.empty()) return;
    const ProductSum& sum = sums_[static_cast<std::size_t>(id)];
    std::vector<Operand> operands;
    std::vector<NodeId> reads;
    for (const ProductTerm& term : sum.terms) {
      const NodeId packed = packed_weights(term.right, packs);
      operands.push_back(term.left);
      operands.push_back({plan_.value(packed).buffer, kNone, {}, {}, 0});
      reads.push_back(term.read);
      reads.push_back(packed);
    }
    if (sum.first.buffer != kNone) {
      operands.push_back(sum.first);
      reads.push_back(sum.first_read);
    } else if (!sum.rows.empty()) {
      const NodeId row = packed_weights(sum.rows, packs);
      operands.push_back({plan_.value(row).buffer, kNone, {}, {}, 0});
      reads.push_back(row);
    }
    Instruction& made = plan_.instructions[static_cast<std::size_t>(id)];
    made.operands = std::move(operands);
    made.reads = std::move(reads);
    made.packed = true;
  }

  NodeId packed_weights(const std::vector<RightSide>& right, std::vector<InstructionId>& packs) {
    std::string key;
    for (const RightSide& side : right)
      key += fmt::format("{}{} by {} ", side.buffer, side.transposed ? "'" : "", plan_.sizes.text(side.k));
    const auto [at, is_new] = packed_.emplace(key, kNone);
    if (!is_new) return at->second;
    Dim n = 0;
    Instruction made;
    made.op = OpCode::kPack;
    made.once = true;
    std::string name;
    for (const RightSide& side : right) {
      const std::int64_t columns = side.n.is_number() ? side.n.number() : 0;
      made.weights.push_back({columns, n.is_number() ? n.number() : 0, side.transposed});
      made.operands.push_back({side.buffer, kNone, {}, {}, 0});
      made.reads.push_back(side.node);
      made.once = made.once && plan_.buffers[static_cast<std::size_t>(side.buffer)].kind == Buffer::Kind::kParameter;
      name += (name.empty() ? "" : " | ") + shown(plan_, side);
      n = n + side.n;
    }
    if (right.size() > 1) name = "[" + name + "]";
    const Dim& k = right.front().k;
    if (plan_.executable) made.product = {1, k.number(), n.number()};
    made.node = add_value(name, right.front(), {k, n});
    made.results = {{plan_.value(made.node).buffer}};
    made.text = "pack " + name;
    made.reason.kind = Reason::Kind::kParameters;
    made.reason.text = made.once ? "weights in panels, until they change" : "weights in panels, once a run";
    at->second = made.node;
    packs.push_back(static_cast<InstructionId>(plan_.instructions.size()));
    plan_.instructions.push_back(std::move(made));
    return at->second;
  }

  NodeId add_value(const std::string& name, const RightSide& first, const Shape& shape) {
    Buffer buffer;
    buffer.shape = shape;
    if (is_known(shape)) {
      buffer.elements = packed_elements(shape[0].number(), shape[1].number());
      buffer.shape = {Dim(buffer.elements)};
    }
    PlanValue value;
    value.name = name;
    value.text = name;
    value.source = plan_.value(first.node).source;
    value.space = Space();
    value.shape = shape;
    value.buffer = static_cast<BufferId>(plan_.buffers.size());
    plan_.buffers.push_back(std::move(buffer));
    plan_.nodes.push_back(std::move(value));
    return static_cast<NodeId>(plan_.nodes.size() - 1);
  }

  // Transposed weights that only products read.
  void drop_turned() {
    const std::vector<int> readers = count_reads(plan_);
    const auto unread = [&](InstructionId id) {
      const Instruction& made = plan_.instructions[static_cast<std::size_t>(id)];
      const bool turn = made.op == OpCode::kLocal && made.layout == kNone && made.kind->turns_matrix;
      return turn && readers[static_cast<std::size_t>(made.result())] == 0 && !fixed_[static_cast<std::size_t>(made.result())];
    };
    for (Program* program : {&plan_.forward, &plan_.backward}) {
      for (Segment& segment : *program) {
        std::erase_if(segment.instructions, unread);
      }
      std::erase_if(*program, [](const Segment& s) { return s.kind == Segment::Kind::kBulk && s.instructions.empty(); });
    }
  }

  Plan& plan_;
  const ProductSums& sums_;
  const std::vector<bool>& fixed_;
  std::map<std::string, NodeId> packed_;
};

}  // namespace

void pack_weights(Plan& plan, const ProductSums& sums, const std::vector<bool>& fixed) { Packing(plan, sums, fixed).run(); }

}  // namespace tapeloop
