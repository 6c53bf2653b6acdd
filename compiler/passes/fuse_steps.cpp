#include "compiler/passes/fuse_steps.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "compiler/passes/describe_program.h"
#include "core/kind.h"

namespace tapeloop {
namespace {

// Longer chains are no faster than op by op.
constexpr std::size_t kLongestChain = 2;

// A point program that is all of its scan's step.
class FusingSteps {
 public:
  FusingSteps(const Plan& plan, AxisId axis, Instruction& program)
      : plan_(plan), axis_(axis), program_(program), operands_(program.operands.size()), carried_(operands_ + program.program.size()) {}

  bool is_legal() const {
    if (program_.layout == kNone || is_stretched()) return false;
    return std::all_of(program_.operands.begin(), program_.operands.end(), [&](const Operand& operand) {
      const bool starts_itself = std::any_of(operand.starts.begin(), operand.starts.end(), [&](BufferId id) { return makes(id); });
      return !starts_itself && (operand.table != kNone || !makes(operand.buffer));
    });
  }

  // "in one pass over all positions ..", for the scan's reason.
  std::string run() {
    give_times();
    sort();
    const bool linear = is_linear();
    program_.one_pass = true;
    find_chain();
    if (!program_.chain.empty()) return "in one pass, linear: from position to position it stays in registers";
    return linear ? "in one pass, linear" : "in one pass: a step is point work only";
  }

 private:
  std::vector<PointOp>& ops() { return program_.program; }
  bool makes(BufferId id) const {
    return id != kNone &&
           std::any_of(program_.results.begin(), program_.results.end(), [&](const Result& result) { return result.buffer == id; });
  }
  const Shape& shape_of(const Operand& operand) const {
    return operand.shapes.empty() ? plan_.buffers[static_cast<std::size_t>(operand.buffer)].shape : operand.shapes.front();
  }

  // Programs of several ops never are; those of one may broadcast within a point.
  bool is_stretched() const {
    if (program_.program.size() > 1) return false;
    const Shape& result = plan_.value(program_.program.front().node).shape;
    const auto same = [&](const Operand& operand) {
      const Shape& shape = shape_of(operand);
      return shape == result || (is_known(shape) && elements(shape) == 1) ||
             (is_known(shape) && is_known(result) && elements(shape) == elements(result));
    };
    return !std::all_of(program_.operands.begin(), program_.operands.end(), same);
  }

  // Carried: waits for an earlier step. In the step: a tap, or a later step waits for it; rows of taps are at hand in their step only.
  void give_times() {
    for (std::size_t k = 0; k < operands_; ++k) carried_[k] = makes(program_.operands[k].buffer);
    for (std::size_t k = 0; k < ops().size(); ++k) {
      const std::vector<std::int32_t>& inputs = ops()[k].inputs;
      carried_[operands_ + k] = std::any_of(inputs.begin(), inputs.end(), [&](std::int32_t in) { return carried(in); });
    }
    std::vector<bool> awaited(ops().size());
    for (std::size_t k = ops().size(); k-- > 0;) {
      const BufferId result = program_.results[k].buffer;
      const auto reads = [&](const Operand& operand) { return operand.buffer == result; };
      if (result != kNone && std::any_of(program_.operands.begin(), program_.operands.end(), reads)) awaited[k] = true;
      if (std::any_of(ops()[k].inputs.begin(), ops()[k].inputs.end(), [&](std::int32_t in) { return is_tap(in); })) awaited[k] = true;
      if (!awaited[k]) continue;
      for (const std::int32_t input : ops()[k].inputs) {
        if (static_cast<std::size_t>(input) >= operands_) awaited[static_cast<std::size_t>(input) - operands_] = true;
      }
    }
    for (std::size_t k = 0; k < ops().size(); ++k) {
      ops()[k].when = !carried_[operands_ + k] ? When::kBefore : awaited[k] ? When::kStep : When::kAfter;
    }
  }

  bool is_tap(std::int32_t reg) const { return static_cast<std::size_t>(reg) < operands_ && carried(reg); }
  bool carried(std::int32_t reg) const { return carried_[static_cast<std::size_t>(reg)]; }

  // Before, step, after. An op waits for none that comes later: what is read before is made before, what is read by the step in it.
  void sort() {
    std::vector<std::size_t> order(ops().size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return ops()[a].when < ops()[b].when; });
    if (std::is_sorted(order.begin(), order.end())) return;
    std::vector<std::int32_t> now(ops().size());
    std::vector<PointOp> sorted;
    std::vector<Result> results;
    std::vector<bool> carried(carried_.begin(), carried_.begin() + static_cast<std::ptrdiff_t>(operands_));
    for (const std::size_t k : order) {
      now[k] = static_cast<std::int32_t>(operands_ + sorted.size());
      sorted.push_back(std::move(ops()[k]));
      results.push_back(program_.results[k]);
      carried.push_back(carried_[operands_ + k]);
    }
    for (PointOp& op : sorted) {
      for (std::int32_t& input : op.inputs) {
        if (static_cast<std::size_t>(input) >= operands_) input = now[static_cast<std::size_t>(input) - operands_];
      }
    }
    program_.program = std::move(sorted);
    program_.results = std::move(results);
    carried_ = std::move(carried);
    describe_program(plan_, program_);
  }

  bool is_linear() const {
    return std::all_of(program_.program.begin(), program_.program.end(), [&](const PointOp& op) {
      if (op.when != When::kStep) return true;
      const bool all = std::all_of(op.inputs.begin(), op.inputs.end(), [&](std::int32_t in) { return carried(in); });
      const Arithmetic is = op.kind->arithmetic;
      return is == Arithmetic::kSum || is == Arithmetic::kDifference || (is == Arithmetic::kProduct && !all);
    });
  }

  // Each op of the step reads the one before it and something known, the first one what the last one has left one step before.
  void find_chain() {
    std::vector<Link> chain;
    std::int32_t before = kNone;
    for (std::size_t k = 0; k < ops().size(); ++k) {
      const PointOp& op = ops()[k];
      if (op.when != When::kStep) continue;
      if (op.inputs.size() != 2 || carried(op.inputs[0]) == carried(op.inputs[1])) return;
      const bool first = carried(op.inputs[0]);
      const std::int32_t through = op.inputs[first ? 0 : 1];
      if (chain.empty() ? static_cast<std::size_t>(through) >= operands_ : through != before) return;
      Link link{Link::Form::kPlus, op.inputs[first ? 1 : 0]};
      if (op.kind->arithmetic == Arithmetic::kProduct) {
        link.form = Link::Form::kTimes;
      } else if (op.kind->arithmetic == Arithmetic::kDifference) {
        link.form = first ? Link::Form::kMinus : Link::Form::kFrom;
      } else if (op.kind->arithmetic != Arithmetic::kSum) {
        return;
      }
      if (!same_elements(op, through, before)) return;
      before = static_cast<std::int32_t>(operands_ + k);
      chain.push_back(link);
    }
    if (chain.empty() || chain.size() > kLongestChain) return;
    const Operand& tapped = program_.operands[static_cast<std::size_t>(tapped_)];
    const BufferId result = program_.results[static_cast<std::size_t>(before) - operands_].buffer;
    if (tapped.buffer == result && reads_neighbour(tapped)) program_.chain = std::move(chain);
  }

  // One position before or after, on the scan's axis alone.
  bool reads_neighbour(const Operand& operand) const {
    const std::vector<Move>& moves = plan_.tables[static_cast<std::size_t>(operand.table)].moves;
    return std::all_of(moves.begin(), moves.end(), [&](const Move& move) {
      const std::int32_t offset = move.axis == axis_ ? 1 : 0;
      return move.from == Move::From::kHere && std::abs(move.offset) == offset;
    });
  }

  // What goes through the chain is as wide as each of its results.
  bool same_elements(const PointOp& op, std::int32_t through, std::int32_t before) {
    if (before == kNone) tapped_ = through;
    const Shape& shape = before == kNone ? shape_of(program_.operands[static_cast<std::size_t>(through)])
                                         : plan_.value(ops()[static_cast<std::size_t>(before) - operands_].node).shape;
    const Shape& result = plan_.value(op.node).shape;
    return shape == result || (is_known(shape) && is_known(result) && elements(shape) == elements(result));
  }

  const Plan& plan_;
  AxisId axis_;
  Instruction& program_;
  std::size_t operands_;
  std::vector<bool> carried_;    // [register]
  std::int32_t tapped_ = kNone;  // operand that the chain begins with
};

void walk(Plan& plan, Program& program) {
  for (Segment& segment : program) {
    if (segment.kind != Segment::Kind::kScan) continue;
    walk(plan, segment.body);
    // Several positions a step are fewer steps, which saves more.
    const bool one = segment.together == 1 && segment.body.size() == 1 && segment.body[0].kind == Segment::Kind::kBulk &&
                     segment.body[0].instructions.size() == 1;
    if (!one) continue;
    Instruction& made = plan.instructions[static_cast<std::size_t>(segment.body[0].instructions[0])];
    if (made.op != OpCode::kPoint) continue;
    FusingSteps fusing(plan, segment.axis, made);
    if (fusing.is_legal()) segment.reason += "; " + fusing.run();
  }
}

}  // namespace

Plan fuse_steps(Plan plan) {
  walk(plan, plan.forward);
  walk(plan, plan.backward);
  return plan;
}

}  // namespace tapeloop
