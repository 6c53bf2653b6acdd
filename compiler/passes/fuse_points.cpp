#include "compiler/passes/fuse_points.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <string>
#include <tuple>
#include <utility>

#include "compiler/passes/describe_program.h"
#include "compiler/passes/plan_use.h"
#include "core/kind.h"

namespace tapeloop {
namespace {

constexpr std::size_t kMostOperands = 48;        // of a program
constexpr std::size_t kMostOps = 96;             // of a program
constexpr std::int64_t kLongestWholeRow = 8192;  // elements that a reduction may want to see at once

constexpr const char* kOne = "1";

using Key = std::tuple<LayoutId, int, std::string>;  // points, depth, elements of a row

// An instruction of the list at hand.
struct Candidate {
  InstructionId id = kNone;
  bool joins = false;    // may be part of a program
  std::string elements;  // of a wide row; kOne: one number at each point, joins whatever it stands beside
  int level = 0;
  std::vector<int> before;  // those in the list that it waits for
  std::vector<int> feeds;   // those in the list that read its result at their own points
  bool fed_only = true;     // nobody else in the list reads it
};

class Fusing {
 public:
  Fusing(Plan plan, const std::vector<bool>& fixed)
      : plan_(std::move(plan)), fixed_(fixed), producer_(plan_.buffers.size(), kNone), reads_(count_reads(plan_)) {}

  Plan run() {
    walk(plan_.forward, {});
    walk(plan_.backward, {});
    drop_unused(plan_);
    return std::move(plan_);
  }

 private:
  Instruction& instruction(InstructionId id) { return plan_.instructions[static_cast<std::size_t>(id)]; }
  const Buffer& buffer(BufferId id) const { return plan_.buffers[static_cast<std::size_t>(id)]; }

  void walk(Program& program, const std::vector<AxisId>& nest) {
    for (Segment& segment : program) {
      if (segment.kind != Segment::Kind::kBulk) walk(segment.body, segment.nest);
      std::vector<InstructionId> done;
      std::vector<InstructionId> list;
      for (const InstructionId id : segment.instructions) {  // what follows new lengths waits for them without reading anything
        if (instruction(id).op == OpCode::kSetLengths) {
          fuse(list, nest, done);
          list.clear();
          done.push_back(id);
        } else {
          list.push_back(id);
        }
      }
      fuse(list, nest, done);
      segment.instructions = std::move(done);
    }
  }

  void fuse(const std::vector<InstructionId>& list, const std::vector<AxisId>& nest, std::vector<InstructionId>& done) {
    if (list.empty()) return;
    look_at(list, nest);
    give_widths();
    give_levels();
    delay();
    for (const InstructionId id : list) {
      for (const Result& result : instruction(id).results) producer_[static_cast<std::size_t>(result.buffer)] = kNone;
    }
    emit(done);
  }

  void look_at(const std::vector<InstructionId>& list, const std::vector<AxisId>& nest) {
    list_.clear();
    for (const InstructionId id : list) {
      const Instruction& made = instruction(id);
      const int at = static_cast<int>(list_.size());
      Candidate candidate;
      candidate.id = id;
      if (const std::optional<std::string> elements = wide_elements(made)) {
        candidate.joins = true;
        candidate.elements = *elements;
      }
      for (const Operand& operand : made.operands) {
        for (const BufferId start : operand.starts) note_read(candidate, at, start, false);
        if (operand.buffer != kNone && !at_other_step(operand, nest)) note_read(candidate, at, operand.buffer, operand.table == kNone);
      }
      list_.push_back(std::move(candidate));
      for (const Result& result : made.results) producer_[static_cast<std::size_t>(result.buffer)] = at;
    }
  }

  void note_read(Candidate& reader, int at, BufferId id, bool own_points) {
    const int from = producer_[static_cast<std::size_t>(id)];
    if (from == kNone) return;
    Candidate& producer = list_[static_cast<std::size_t>(from)];
    reader.before.push_back(from);
    if (own_points && reader.joins && producer.joins && same_points(producer.id, reader.id)) {
      producer.feeds.push_back(at);
    } else {
      producer.fed_only = false;
    }
  }

  bool same_points(InstructionId a, InstructionId b) {
    return instruction(a).layout == instruction(b).layout && instruction(a).depth == instruction(b).depth;
  }

  // A tap along the axis of an open scan reads what another step has made.
  bool at_other_step(const Operand& operand, const std::vector<AxisId>& nest) const {
    if (operand.table == kNone) return false;
    const std::vector<Move>& moves = plan_.tables[static_cast<std::size_t>(operand.table)].moves;
    return std::any_of(moves.begin(), moves.end(), [&](const Move& move) {
      return move.from == Move::From::kHere && move.offset != 0 && std::find(nest.begin(), nest.end(), move.axis) != nest.end();
    });
  }

  // How many elements a row has, as text: a number, or dimensions without leading ones where a size is free.
  std::string count_text(const Shape& shape) const {
    if (is_known(shape)) return std::to_string(elements(shape));
    Shape from = shape;
    while (!from.empty() && from.front().is_number() && from.front().number() == 1) from.erase(from.begin());
    return plan_.sizes.text(from);
  }

  // The elements of wide rows if all operands and the result have as many or one; nothing if it cannot be part of a program.
  std::optional<std::string> wide_elements(const Instruction& made) const {
    const bool local = made.op == OpCode::kLocal;
    if (made.op != OpCode::kPoint && !local) return std::nullopt;
    std::string wide = count_text(buffer(made.result()).shape);
    const std::string result = wide;
    for (const Operand& operand : made.operands) {
      if (operand.buffer == kNone && operand.shapes.empty()) return std::nullopt;
      const std::string count = count_text(operand.shapes.empty() ? buffer(operand.buffer).shape : operand.shapes.front());
      if (wide == kOne) wide = count;
      if (count != kOne && count != wide) return std::nullopt;
    }
    if (wide == "0" || (!local && wide != result)) return std::nullopt;
    const bool number = wide.find_first_not_of("0123456789") == std::string::npos;
    if (local && (!number || std::stoll(wide) > kLongestWholeRow)) return std::nullopt;
    return wide;
  }

  // An op on single numbers joins what feeds it, else what it feeds.
  void give_widths() {
    for (const Candidate& from : list_) {
      for (const int reader : from.feeds) {
        std::string& elements = list_[static_cast<std::size_t>(reader)].elements;
        if (elements == kOne) elements = from.elements;
      }
    }
    for (std::size_t at = list_.size(); at-- > 0;) {
      for (const int reader : list_[at].feeds) {
        if (list_[at].elements == kOne) list_[at].elements = list_[static_cast<std::size_t>(reader)].elements;
      }
    }
  }

  bool feeds(const Candidate& producer, int reader) const {
    return producer.elements == list_[static_cast<std::size_t>(reader)].elements &&
           std::find(producer.feeds.begin(), producer.feeds.end(), reader) != producer.feeds.end();
  }

  void give_levels() {
    for (std::size_t at = 0; at < list_.size(); ++at) {
      for (const int from : list_[at].before) {
        const Candidate& producer = list_[static_cast<std::size_t>(from)];
        // Read twice, at its own point and at another one, it has to be there before.
        const bool joined = producer.fed_only && feeds(producer, static_cast<int>(at));
        list_[at].level = std::max(list_[at].level, producer.level + (joined ? 0 : 1));
      }
    }
  }

  // The only level on which an op is read, if it is a later one of the same group of candidates; else its own.
  int only_reader_level(const Candidate& op) const {
    int level = kNone;
    for (const int reader : op.feeds) {
      const Candidate& read_by = list_[static_cast<std::size_t>(reader)];
      if (!feeds(op, reader) || (level != kNone && read_by.level != level)) return op.level;
      level = read_by.level;
    }
    return level == kNone ? op.level : level;
  }

  bool read_elsewhere(const Candidate& op) {
    const auto id = static_cast<std::size_t>(instruction(op.id).result());
    return !op.fed_only || fixed_[id] || reads_[id] > static_cast<int>(op.feeds.size());
  }

  // From the last to the first: an op that only a later group reads is done there, if what it reads of its own group need not be
  // stored for it.
  void delay() {
    for (std::size_t at = list_.size(); at-- > 0;) {
      Candidate& op = list_[at];
      const int level = op.joins ? only_reader_level(op) : op.level;
      if (level <= op.level || read_elsewhere(op)) continue;
      int stored_more = 0;
      for (const int from : op.before) {
        const Candidate& producer = list_[static_cast<std::size_t>(from)];
        if (producer.level != op.level || read_elsewhere(producer)) continue;
        const bool stored = std::any_of(producer.feeds.begin(), producer.feeds.end(),
                                        [&](int reader) { return list_[static_cast<std::size_t>(reader)].level != producer.level; });
        stored_more += stored ? 0 : 1;
      }
      if (stored_more <= 1) op.level = level;
    }
  }

  // Programs and single instructions, each as soon as what it waits for is there, in the order of their last members.
  void emit(std::vector<InstructionId>& done) {
    std::vector<std::vector<int>> groups;
    std::vector<int> group_of(list_.size(), kNone);
    std::map<std::pair<Key, int>, int> open;               // of points, elements and level: the group that still takes members
    std::vector<std::vector<const Operand*>> from_memory;  // [group]
    for (std::size_t at = 0; at < list_.size(); ++at) {
      const Candidate& op = list_[at];
      const Instruction& made = instruction(op.id);
      int group = kNone;
      if (op.joins) {
        const Key key{made.layout, made.depth, op.elements};
        const auto where = open.try_emplace({key, op.level}, static_cast<int>(groups.size())).first;
        const auto is = static_cast<std::size_t>(where->second);
        if (is < groups.size() && !fits(op, groups[is], from_memory[is])) where->second = static_cast<int>(groups.size());
        group = where->second;
      } else {
        group = static_cast<int>(groups.size());
      }
      if (group == static_cast<int>(groups.size())) {
        groups.emplace_back();
        from_memory.emplace_back();
      }
      group_of[at] = group;
      groups[static_cast<std::size_t>(group)].push_back(static_cast<int>(at));
      add_operands(op, groups[static_cast<std::size_t>(group)], from_memory[static_cast<std::size_t>(group)]);
    }
    for (const int group : in_order(groups, group_of)) done.push_back(joined(groups[static_cast<std::size_t>(group)]));
  }

  // What the op reads from memory, as a member of the group, that no member before it does.
  void add_operands(const Candidate& op, const std::vector<int>& members, std::vector<const Operand*>& operands) {
    for (const Operand& operand : instruction(op.id).operands) {
      const auto made = [&](int member) { return instruction(list_[static_cast<std::size_t>(member)].id).result() == operand.buffer; };
      if (operand.table == kNone && std::any_of(members.begin(), members.end(), made)) continue;
      const auto same = [&](const Operand* other) { return *other == operand; };
      if (std::none_of(operands.begin(), operands.end(), same)) operands.push_back(&operand);
    }
  }

  bool fits(const Candidate& op, const std::vector<int>& members, std::vector<const Operand*> operands) {
    add_operands(op, members, operands);
    return members.size() < kMostOps && operands.size() <= kMostOperands;
  }

  std::vector<int> in_order(const std::vector<std::vector<int>>& groups, const std::vector<int>& group_of) const {
    std::vector<std::vector<int>> after(groups.size());
    std::vector<int> waits(groups.size(), 0);
    for (std::size_t at = 0; at < list_.size(); ++at) {
      for (const int from : list_[at].before) {
        const int a = group_of[static_cast<std::size_t>(from)];
        if (a == group_of[at]) continue;
        after[static_cast<std::size_t>(a)].push_back(group_of[at]);
        ++waits[static_cast<std::size_t>(group_of[at])];
      }
    }
    using Turn = std::pair<int, int>;  // last member, group
    std::priority_queue<Turn, std::vector<Turn>, std::greater<>> ready;
    const auto offer = [&](int group) { ready.emplace(groups[static_cast<std::size_t>(group)].back(), group); };
    for (std::size_t group = 0; group < groups.size(); ++group) {
      if (waits[group] == 0) offer(static_cast<int>(group));
    }
    std::vector<int> order;
    while (!ready.empty()) {
      order.push_back(ready.top().second);
      ready.pop();
      for (const int next : after[static_cast<std::size_t>(order.back())]) {
        if (--waits[static_cast<std::size_t>(next)] == 0) offer(next);
      }
    }
    return order;
  }

  // The members' instructions as one, under the number of the last one.
  InstructionId joined(const std::vector<int>& members) {
    const InstructionId last = list_[static_cast<std::size_t>(members.back())].id;
    if (members.size() == 1) return last;
    Instruction program;
    program.op = OpCode::kPoint;
    program.layout = instruction(last).layout;
    program.depth = instruction(last).depth;
    std::map<BufferId, std::int32_t> made_by;  // op
    for (const int member : members) add_op(instruction(list_[static_cast<std::size_t>(member)].id), program, made_by);
    // Operands come first among the registers, and only now is their number known.
    for (PointOp& op : program.program) {
      for (std::int32_t& input : op.inputs) {
        if (input < 0) input = static_cast<std::int32_t>(program.operands.size()) + ~input;
      }
    }
    keep_results(program);
    describe_program(plan_, program);
    instruction(last) = std::move(program);
    return last;
  }

  // Inputs made by an earlier op of the program are noted as ~op.
  void add_op(Instruction& made, Instruction& program, std::map<BufferId, std::int32_t>& made_by) {
    PointOp op;
    static_cast<Equation&>(op) = made;
    op.local = made.local;
    for (std::size_t k = 0; k < made.operands.size(); ++k) {
      const Operand& operand = made.operands[k];
      const auto inside = operand.table == kNone ? made_by.find(operand.buffer) : made_by.end();
      if (inside != made_by.end()) {
        --reads_[static_cast<std::size_t>(operand.buffer)];
        op.inputs.push_back(~inside->second);
      } else {
        op.inputs.push_back(operand_of(program, operand, made.reads[k]));
      }
    }
    made_by[made.result()] = static_cast<std::int32_t>(program.program.size());
    program.program.push_back(std::move(op));
    program.results.push_back(made.results.front());
  }

  static std::int32_t operand_of(Instruction& program, const Operand& operand, NodeId read) {
    const auto at = std::find(program.operands.begin(), program.operands.end(), operand);
    if (at != program.operands.end()) return static_cast<std::int32_t>(at - program.operands.begin());
    program.operands.push_back(operand);
    program.reads.push_back(read);
    return static_cast<std::int32_t>(program.operands.size()) - 1;
  }

  void keep_results(Instruction& program) {
    for (Result& result : program.results) {
      const auto id = static_cast<std::size_t>(result.buffer);
      if (fixed_[id] || reads_[id] > 0) continue;
      result.buffer = kNone;
    }
  }

  Plan plan_;
  const std::vector<bool>& fixed_;
  std::vector<int> producer_;  // [buffer]: place in the list of what makes it, or kNone
  std::vector<int> reads_;     // [buffer]: how often it is read from memory
  std::vector<Candidate> list_;
};

}  // namespace

Plan fuse_points(Plan plan, const std::vector<bool>& fixed) { return Fusing(std::move(plan), fixed).run(); }

}  // namespace tapeloop
