#include "runtime/stages.h"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

namespace tapeloop {
namespace {

const Instruction& instruction(const Plan& plan, InstructionId id) { return plan.instructions[static_cast<std::size_t>(id)]; }

bool in_p(const Plan& plan, BufferId id) { return id == kNone || plan.buffers[static_cast<std::size_t>(id)].layout == kNone; }

// Multiply-adds of a point, about; a number that is read and written counts as several.
std::int64_t work_of_point(const Plan& plan, const Instruction& made) {
  constexpr std::int64_t kOfNumber = 4;
  std::int64_t work = made.op == OpCode::kProduct || made.op == OpCode::kProductSum ? made.product.m * made.product.k * made.product.n : 0;
  for (const Result& result : made.results) {
    if (result.buffer != kNone) work += kOfNumber * plan.buffers[static_cast<std::size_t>(result.buffer)].elements;
  }
  return work;
}

void add_work(Work& work, LayoutId layout, std::int64_t of_point) {
  for (auto& [known, sum] : work) {
    if (known == layout) {
      sum += of_point;
      return;
    }
  }
  work.emplace_back(layout, of_point);
}

// The blocks of an instruction are those of the scans around it.
void check_nest(const Plan& plan, const Instruction& made, const std::vector<AxisId>& nest) {
  bool fits = made.depth == static_cast<int>(nest.size());
  LayoutId layout = made.layout;
  if (made.group != kNone) layout = plan.groups[static_cast<std::size_t>(made.group)].result;
  if (layout != kNone) {
    const std::vector<AxisId>& steps = plan.layouts[static_cast<std::size_t>(layout)].steps;
    fits = fits && steps.size() >= nest.size() && std::equal(nest.begin(), nest.end(), steps.begin());
  }
  if (!fits) throw std::logic_error("plan: '" + made.text + "' does not step like the scans around it");
}

void check_stage(const Plan& plan, const Instruction& made, bool whole) {
  bool fits = made.op != OpCode::kSetLengths || !whole;
  for (const Result& result : made.results) fits = fits && (result.buffer == kNone || in_p(plan, result.buffer) == whole);
  if (whole && !sums_shards(plan, made)) {
    for (const Operand& operand : made.operands) fits = fits && in_p(plan, operand.buffer);
  }
  if (!fits) throw std::logic_error("plan: '" + made.text + "' stands in a stage of the other sort");
}

bool in_one_pass(const Plan& plan, const Segment& scan) {
  bool any = false;
  for (const Segment& body : scan.body) {
    for (const InstructionId id : body.instructions) any = any || instruction(plan, id).one_pass;
  }
  const bool alone = scan.body.size() == 1 && scan.body[0].instructions.size() == 1;
  if (any && !alone) throw std::logic_error("plan: an instruction in one pass is not alone in its scan");
  return any;
}

// What has room for more than one step of a scan at this depth.
void list_results(const Plan& plan, const Segment& segment, int depth, std::vector<BufferId>& list) {
  for (const InstructionId id : segment.instructions) {
    for (const Result& result : instruction(plan, id).results) {
      const bool stays = result.buffer != kNone && plan.buffers[static_cast<std::size_t>(result.buffer)].block_depth < depth;
      if (stays && std::find(list.begin(), list.end(), result.buffer) == list.end()) list.push_back(result.buffer);
    }
  }
  for (const Segment& body : segment.body) list_results(plan, body, depth, list);
}

Part bind_part(const Plan& plan, const Segment& segment, const std::vector<AxisId>& nest, const Extents& extents, Work& work) {
  Part part;
  part.scan = segment.kind == Segment::Kind::kScan;
  part.backwards = segment.backwards;
  part.instructions = segment.instructions;
  for (const InstructionId id : segment.instructions) {
    check_nest(plan, instruction(plan, id), nest);
    check_stage(plan, instruction(plan, id), false);
    add_work(work, instruction(plan, id).layout, work_of_point(plan, instruction(plan, id)));
  }
  if (part.scan) {
    part.nest = extents.nest_id(segment.nest);
    for (const Segment& body : segment.body) part.body.push_back(bind_part(plan, body, segment.nest, extents, work));
    part.one_pass = in_one_pass(plan, segment);
    part.together = segment.together;
    part.goes_on = segment.goes_on;
    if (part.goes_on != kNone) list_results(plan, segment, static_cast<int>(segment.nest.size()), part.rest);
    const bool inner = std::any_of(part.body.begin(), part.body.end(), [](const Part& body) { return body.scan; });
    if (part.together < 1 || (part.together > 1 && inner))
      throw std::logic_error("plan: positions of a scan around others are done together");
  }
  return part;
}

class Rounds {
 public:
  explicit Rounds(const Plan& plan) : plan_(plan) {}

  void add(InstructionId id) {
    const Instruction& made = instruction(plan_, id);
    check_nest(plan_, made, {});
    check_stage(plan_, made, true);
    std::set<BufferId> reads;
    for (const Operand& operand : made.operands) {
      reads.insert(operand.buffer);
      reads.insert(operand.starts.begin(), operand.starts.end());
    }
    bool waits = rounds_.empty();
    for (const Result& result : made.results) waits = waits || written_.contains(result.buffer) || read_.contains(result.buffer);
    for (const BufferId read : reads) waits = waits || written_.contains(read);
    if (waits) begin();
    for (const Result& result : made.results) {
      if (result.buffer != kNone) written_.insert(result.buffer);
    }
    read_.merge(reads);
    const std::int64_t tiles = sums_shards(plan_, made) ? tiles_of(plan_, made) : 1;
    for (std::int64_t tile = 0; tile < tiles; ++tile) rounds_.back().units.push_back({id, tile});
    add_work(rounds_.back().work, sums_shards(plan_, made) ? made.layout : kNone, work_of_point(plan_, made));
  }

  std::vector<Round> take() { return std::move(rounds_); }

 private:
  void begin() {
    rounds_.emplace_back();
    written_.clear();
    read_.clear();
  }

  const Plan& plan_;
  std::vector<Round> rounds_;
  std::set<BufferId> written_, read_;  // in the last round
};

}  // namespace

namespace {

Stage bind_strips(const Plan& plan, const Segment& segment, const Extents& extents) {
  Stage stage;
  stage.strips = segment.axis;
  stage.backwards = segment.backwards;
  stage.inner = bind_stages(plan, segment.body, extents);
  const auto is_along = [&](LayoutId layout) {
    if (layout == kNone) return false;
    const std::vector<AxisId>& steps = plan.layouts[static_cast<std::size_t>(layout)].steps;
    return !steps.empty() && steps.front() == segment.axis;
  };
  const auto check = [&](const Instruction& made) {
    bool fits = is_along(made.layout);
    if (made.group != kNone) {
      const GroupSpec& group = plan.groups[static_cast<std::size_t>(made.group)];
      fits = is_along(group.result) || (made.op == OpCode::kSumTo && is_along(group.source));
    }
    if (!fits || made.op == OpCode::kSetLengths)
      throw std::logic_error("plan: '" + made.text + "' does not step like the strips around it");
  };
  for (const Segment& part : segment.body) {
    for (const InstructionId id : part.instructions) check(instruction(plan, id));
  }
  return stage;
}

}  // namespace

std::vector<Stage> bind_stages(const Plan& plan, const Program& program, const Extents& extents) {
  std::vector<Stage> stages;
  for (std::size_t first = 0, end = 0; first < program.size(); first = end) {
    if (program[first].kind == Segment::Kind::kStrips) {
      stages.push_back(bind_strips(plan, program[first], extents));
      ++end;
      continue;
    }
    while (end < program.size() && program[end].stage == program[first].stage && program[end].kind != Segment::Kind::kStrips) ++end;
    Stage stage;
    stage.whole = program[first].whole();
    Rounds rounds(plan);
    for (std::size_t k = first; k < end; ++k) {
      if (!stage.whole) {
        stage.parts.push_back(bind_part(plan, program[k], {}, extents, stage.work));
        continue;
      }
      for (const InstructionId id : program[k].instructions) rounds.add(id);
    }
    stage.rounds = rounds.take();
    stages.push_back(std::move(stage));
  }
  return stages;
}

}  // namespace tapeloop
