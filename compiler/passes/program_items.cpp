#include "compiler/passes/program_items.h"

#include <functional>
#include <queue>
#include <stdexcept>
#include <utility>

namespace tapeloop {

ProgramItems::ProgramItems(const Plan& plan, const Program& program) : plan_(plan), maker_(plan.buffers.size(), kNone) {
  for (const Segment& segment : program) {
    if (segment.kind == Segment::Kind::kScan) {
      add(segment);
      continue;
    }
    for (const InstructionId id : segment.instructions) {
      Segment alone;
      alone.reason = segment.reason;
      alone.stage = segment.stage;
      alone.instructions = {id};
      add(std::move(alone));
    }
  }
  for (int at = 0; at < count(); ++at) {
    each_read(at, kNone, [&](BufferId id, Reach) {
      const int from = maker(id);
      if (from == kNone || from == at) return;
      item(at).reads.push_back(from);
      item(from).readers.push_back(at);
    });
  }
  lengths_first();
}

void ProgramItems::add(Segment segment) {
  ProgramItem made;
  made.segment = std::move(segment);
  made.whole = made.segment.whole();
  items_.push_back(std::move(made));
  each_instruction(items_.back().segment, [&](InstructionId id) {
    const BufferId result = instruction(id).result();
    if (result != kNone) maker_[static_cast<std::size_t>(result)] = count() - 1;
    if (!is_scan(count() - 1)) items_.back().result = result;
  });
}

// Whatever comes after lengths that are set waits for them without reading anything.
void ProgramItems::lengths_first() {
  for (int at = 0; at < count(); ++at) {
    if (is_scan(at) || made_by(at).op != OpCode::kSetLengths) continue;
    for (int later = at + 1; later < count(); ++later) {
      item(later).reads.push_back(at);
      item(at).readers.push_back(later);
    }
  }
}

Program ProgramItems::with_strips(const std::map<int, std::vector<int>>& members) const {
  const auto lead = [&](int at) { return item(at).group == kNone ? at : item(at).group; };
  std::vector<int> waits(items_.size(), 0);
  for (int at = 0; at < count(); ++at) {
    for (const int from : item(at).reads) waits[static_cast<std::size_t>(lead(at))] += lead(from) != lead(at) ? 1 : 0;
  }
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (int at = 0; at < count(); ++at) {
    if (lead(at) == at && waits[static_cast<std::size_t>(at)] == 0) ready.push(at);
  }
  Program program;
  int done = 0;
  while (!ready.empty()) {
    const int next = ready.top();
    ready.pop();
    const std::vector<int> group = item(next).group == kNone ? std::vector<int>{next} : members.at(next);
    done += static_cast<int>(group.size());
    program.push_back(item(next).group == kNone ? item(next).segment : strips_of(next, group));
    for (const int at : group) {
      for (const int reader : item(at).readers) {
        const int to = lead(reader);
        if (to != next && --waits[static_cast<std::size_t>(to)] == 0) ready.push(to);
      }
    }
  }
  if (done != count()) throw std::logic_error("strips wait for each other");
  return program;
}

Segment ProgramItems::strips_of(int scan, const std::vector<int>& group) const {
  Segment made;
  made.kind = Segment::Kind::kStrips;
  made.axis = item(scan).segment.axis;
  made.backwards = item(scan).segment.backwards;
  made.reason = "what is read in the same chunk only is kept for one chunk";
  Segment before, after, sums;
  sums.stage = 2;
  const std::vector<char> behind = after_scan(scan, group);
  for (const int at : group) {
    if (at == scan) continue;
    Segment& part = item(at).whole ? sums : behind[static_cast<std::size_t>(at)] ? after : before;
    part.instructions.push_back(item(at).segment.instructions.front());
  }
  if (!before.instructions.empty()) made.body.push_back(std::move(before));
  made.body.push_back(item(scan).segment);
  made.body.back().stage = 1;
  if (!after.instructions.empty()) made.body.push_back(std::move(after));
  if (!sums.instructions.empty()) made.body.push_back(std::move(sums));
  return made;
}

// Of the members of a group, those that read what the scan makes.
std::vector<char> ProgramItems::after_scan(int scan, const std::vector<int>& group) const {
  std::vector<char> behind(items_.size());
  behind[static_cast<std::size_t>(scan)] = 1;
  for (const int at : group) {  // in the order of the program
    for (const int from : item(at).reads) {
      if (behind[static_cast<std::size_t>(from)] && item(from).group == scan) behind[static_cast<std::size_t>(at)] = 1;
    }
  }
  return behind;
}

}  // namespace tapeloop
