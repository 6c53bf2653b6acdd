#include "compiler/passes/strips.h"

#include <algorithm>
#include <functional>
#include <map>
#include <queue>
#include <stdexcept>
#include <utility>

#include "compiler/passes/plan_use.h"
#include "compiler/passes/stages.h"

namespace tapeloop {
namespace {

class Striping {
 public:
  Striping(Plan& plan, const std::vector<bool>& fixed) : plan_(plan), fixed_(fixed) {}

  Program run(const Program& program) {
    take_apart(program);
    for (int scan = 0; scan < count(); ++scan) {
      if (is_scan(scan) && item(scan).segment.goes_on == kNone) take_what_reads(scan);  // backward needs nothing of a trial
    }
    for (const int scan : scans_) take_what_feeds(scan);
    return put_together();
  }

 private:
  // A scan with all that is in it, or one instruction in bulk.
  struct Item {
    Segment segment;
    bool whole = false;        // into P
    int group = kNone;         // the scan whose strips it stands in
    std::vector<int> reads;    // items
    std::vector<int> readers;  // items
    BufferId result = kNone;   // of an instruction
  };

  int count() const { return static_cast<int>(items_.size()); }
  Item& item(int at) { return items_[static_cast<std::size_t>(at)]; }
  bool is_scan(int at) { return item(at).segment.kind == Segment::Kind::kScan; }
  const Instruction& instruction(InstructionId id) const { return plan_.instructions[static_cast<std::size_t>(id)]; }
  const Instruction& made_by(int at) { return instruction(item(at).segment.instructions.front()); }
  const Buffer& buffer(BufferId id) const { return plan_.buffers[static_cast<std::size_t>(id)]; }

  // ---- the program as a graph

  void take_apart(const Program& program) {
    items_.clear();
    maker_.assign(plan_.buffers.size(), kNone);
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
      each_read(at, [&](BufferId id, Reach) {
        const int from = maker_[static_cast<std::size_t>(id)];
        if (from == kNone || from == at) return;
        item(at).reads.push_back(from);
        item(from).readers.push_back(at);
      });
    }
    lengths_first();
  }

  void add(Segment segment) {
    Item made;
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
  void lengths_first() {
    for (int at = 0; at < count(); ++at) {
      if (is_scan(at) || made_by(at).op != OpCode::kSetLengths) continue;
      for (int later = at + 1; later < count(); ++later) {
        item(later).reads.push_back(at);
        item(at).readers.push_back(later);
      }
    }
  }

  template <class Visit>
  static void each_instruction(const Segment& segment, const Visit& visit) {
    for (const InstructionId id : segment.instructions) visit(id);
    for (const Segment& part : segment.body) each_instruction(part, visit);
  }

  template <class Visit>
  void each_read(int at, const Visit& visit) {
    each_instruction(item(at).segment, [&](InstructionId id) { each_read(instruction(id), visit); });
  }

  // ---- along which positions something is read, seen on axis_

  template <class Visit>
  void each_read(const Instruction& made, const Visit& visit) const {
    for (const Operand& operand : made.operands) {
      if (operand.buffer != kNone) visit(operand.buffer, reach_of(plan_, made, operand, axis_));
      for (const BufferId start : operand.starts) visit(start, Reach::kAny);
    }
  }

  bool is_along(LayoutId id) const { return begins_with(plan_, id, axis_); }

  bool may_read(Reach reach) const { return reach == Reach::kOwn || reach == (backwards_ ? Reach::kAfter : Reach::kBefore); }

  // ---- what goes with a scan

  struct Around {
    int scan = kNone;
    std::vector<char> member, behind;  // [item]; behind: needs all of the strips
    std::vector<char> kept;            // [buffer]: must be there for all positions anyway
  };

  void take_what_reads(int scan) {
    begin(scan);
    if (!can_be_cut(scan)) return;
    Around around{scan, std::vector<char>(items_.size()), std::vector<char>(items_.size()), {}};
    around.member[static_cast<std::size_t>(scan)] = 1;
    find_kept(around);
    find_behind(around);
    give_back(around, take_readers(around));
    take_sums(around);
    scans_.push_back(scan);
    settle(around);
  }

  // When all scans have what reads them: bulk between two of them belongs to the first.
  void take_what_feeds(int scan) {
    begin(scan);
    Around around{scan, std::vector<char>(items_.size()), std::vector<char>(items_.size()), {}};
    const std::vector<int> members = members_[scan];
    for (const int at : members) around.member[static_cast<std::size_t>(at)] = 1;
    for (const int at : members) {
      for (const int reader : item(at).readers) put_behind(around, reader);
    }
    take_feeders(around);
    settle(around);
  }

  void begin(int scan) {
    axis_ = item(scan).segment.axis;
    backwards_ = item(scan).segment.backwards;
  }

  void settle(const Around& around) {
    members_[around.scan].clear();
    for (int at = 0; at < count(); ++at) {
      if (!is_member(around, at)) continue;
      item(at).group = around.scan;
      members_[around.scan].push_back(at);
    }
  }

  bool can_be_cut(int scan) {
    bool fits = true;
    each_instruction(item(scan).segment, [&](InstructionId id) {
      const Instruction& made = instruction(id);
      fits = fits && made.op != OpCode::kSetLengths && is_along(points_of(made));
    });
    return fits;
  }

  LayoutId points_of(const Instruction& made) const {
    return made.group != kNone ? plan_.groups[static_cast<std::size_t>(made.group)].result : made.layout;
  }

  bool is_bulk_along(int at) {
    if (is_scan(at) || item(at).group != kNone || item(at).whole) return false;
    const Instruction& made = made_by(at);
    return made.op != OpCode::kSetLengths && is_along(points_of(made)) && item(at).result != kNone &&
           is_along(buffer(item(at).result).layout);
  }

  bool is_kept(BufferId id) const { return fixed_[static_cast<std::size_t>(id)] || buffer(id).taped; }

  void find_kept(Around& around) {
    around.kept.assign(plan_.buffers.size(), 0);
    for (std::size_t id = 0; id < around.kept.size(); ++id) around.kept[id] = is_kept(static_cast<BufferId>(id)) ? 1 : 0;
    for (const Instruction& made : plan_.instructions) {
      each_read(made, [&](BufferId id, Reach reach) {
        if (reach != Reach::kOwn) around.kept[static_cast<std::size_t>(id)] = 1;
      });
    }
  }

  bool is_made_inside(const Around& around, BufferId id) const {
    const int from = maker_[static_cast<std::size_t>(id)];
    return from != kNone && is_member(around, from);
  }

  bool reads_behind(const Around& around, int at) {
    const std::vector<int>& reads = item(at).reads;
    return std::any_of(reads.begin(), reads.end(), [&](int from) { return is_behind(around, from); });
  }
  static bool is_behind(const Around& around, int at) { return around.behind[static_cast<std::size_t>(at)] != 0; }
  static bool is_member(const Around& around, int at) { return around.member[static_cast<std::size_t>(at)] != 0; }

  // Strips are done as one: if one of them must come later, all that stands in them must, and all that reads any of it.
  void put_behind(Around& around, int first) {
    std::vector<int> work{first};
    while (!work.empty()) {
      const int at = work.back();
      work.pop_back();
      if (is_member(around, at) || std::exchange(around.behind[static_cast<std::size_t>(at)], 1)) continue;
      work.insert(work.end(), item(at).readers.begin(), item(at).readers.end());
      if (item(at).group != kNone) work.insert(work.end(), members_[item(at).group].begin(), members_[item(at).group].end());
    }
  }

  // Earlier strips that need something of this scan.
  void find_behind(Around& around) {
    std::vector<char> reached(items_.size());
    std::vector<int> work{around.scan};
    while (!work.empty()) {
      const int at = work.back();
      work.pop_back();
      if (std::exchange(reached[static_cast<std::size_t>(at)], 1)) continue;
      work.insert(work.end(), item(at).readers.begin(), item(at).readers.end());
      if (at != around.scan && item(at).group != kNone) put_behind(around, at);
    }
  }

  // Whether all that it reads of the strips is there in time, and some of it need not be kept beyond its chunk.
  bool reads_in_time(const Around& around, int at) {
    bool in_time = true, loose = false;
    each_read(at, [&](BufferId id, Reach reach) {
      if (!is_made_inside(around, id)) return;
      in_time = in_time && may_read(reach) && buffer(id).layout != kNone;
      loose = loose || !around.kept[static_cast<std::size_t>(id)];
    });
    return in_time && loose;
  }

  bool reads_members(const Around& around, int at) {
    const std::vector<int>& reads = item(at).reads;
    return std::any_of(reads.begin(), reads.end(), [&](int from) { return is_member(around, from); });
  }

  // Bulk that reads inner values, and what reads that, as far as it goes; in the order of the program.
  std::vector<int> take_readers(Around& around) {
    std::vector<int> joined;
    for (int at = around.scan + 1; at < count(); ++at) {
      if (is_behind(around, at)) continue;
      const bool behind = reads_behind(around, at);
      if (!behind && !reads_members(around, at)) continue;
      if (item(at).whole || is_sum(at)) {  // maybe taken later; what reads it comes behind
        for (const int reader : item(at).readers) put_behind(around, reader);
      } else if (!behind && is_bulk_along(at) && reads_in_time(around, at)) {
        around.member[static_cast<std::size_t>(at)] = 1;
        joined.push_back(at);
      } else {
        put_behind(around, at);
      }
    }
    return joined;
  }

  // Sums over the axis can always come along: they keep nothing.
  bool is_sum(int at) {
    if (is_scan(at) || item(at).group != kNone) return false;
    const Instruction& made = made_by(at);
    if (item(at).whole)
      return (made.op == OpCode::kProductSum || made.op == OpCode::kSumTo) && made.group == kNone && is_along(made.layout);
    if (made.op != OpCode::kSumTo || made.group == kNone) return false;
    const GroupSpec& spec = plan_.groups[static_cast<std::size_t>(made.group)];
    return spec.kind == GroupSpec::Kind::kReduce && is_along(spec.source) && !is_along(spec.result);
  }

  // The elements of each position that must be kept, as somebody outside the strips reads them.
  std::int64_t crossing(const Around& around, BufferId id) {
    if (id == kNone || around.kept[static_cast<std::size_t>(id)]) return 0;
    const std::vector<int>& readers = item(maker_[static_cast<std::size_t>(id)]).readers;
    const bool read_outside = std::any_of(readers.begin(), readers.end(), [&](int reader) {
      if (is_member(around, reader) || is_sum(reader)) return false;
      bool reads = false;
      each_read(reader, [&](BufferId read, Reach) { reads = reads || read == id; });
      return reads;
    });
    return read_outside ? std::max<std::int64_t>(buffer(id).elements, 1) : 0;
  }

  // Reads of what stands at the end of the chain may feed another scan, which has strips of its own: the cut goes where least has to
  // be kept for all positions.
  void give_back(Around& around, const std::vector<int>& joined) {
    std::int64_t cost = 0, least = 0;  // against all of them joined
    std::size_t keep = joined.size();
    for (std::size_t k = joined.size(); k-- > 0;) {
      const int at = joined[k];
      std::vector<BufferId> read;
      each_read(at, [&](BufferId id, Reach) {
        if (is_made_inside(around, id) && std::find(read.begin(), read.end(), id) == read.end()) read.push_back(id);
      });
      const auto crossing_now = [&] {
        std::int64_t sum = 0;
        for (const BufferId id : read) sum += crossing(around, id);
        return sum;
      };
      const std::int64_t own = crossing(around, item(at).result);
      const std::int64_t before = crossing_now();
      around.member[static_cast<std::size_t>(at)] = 0;
      cost += crossing_now() - before - (feeds_one_scan(at) ? own : 0);
      if (cost <= least) {
        least = cost;
        keep = k;
      }
    }
    for (std::size_t k = 0; k < keep; ++k) around.member[static_cast<std::size_t>(joined[k])] = 1;
    for (std::size_t k = keep; k < joined.size(); ++k) put_behind(around, joined[k]);
  }

  // All that reads it, in bulk or not, ends in one scan: there it could be worked out a chunk at a time.
  bool feeds_one_scan(int at) {
    int scan = kNone;
    std::vector<int> work{at};
    std::vector<char> seen(items_.size());
    while (!work.empty()) {
      const int from = work.back();
      work.pop_back();
      if (item(from).result != kNone && is_kept(item(from).result)) return false;
      for (const int reader : item(from).readers) {
        if (std::exchange(seen[static_cast<std::size_t>(reader)], 1)) continue;
        if (item(reader).whole) continue;
        if (is_scan(reader)) {
          if (scan != kNone && scan != reader) return false;
          scan = reader;
        } else {
          work.push_back(reader);
        }
      }
    }
    return scan != kNone;
  }

  void take_sums(Around& around) {
    for (int at = around.scan + 1; at < count(); ++at) {
      if (is_behind(around, at) || !is_sum(at)) continue;
      if (reads_members(around, at) && !reads_behind(around, at) && reads_in_time(around, at)) {
        around.member[static_cast<std::size_t>(at)] = 1;
      }
    }
  }

  // The last first: bulk that nobody outside reads.
  void take_feeders(Around& around) {
    for (int at = count(); at-- > 0;) {
      if (is_member(around, at) || !is_bulk_along(at) || item(at).readers.empty()) continue;
      if (is_behind(around, at) || is_kept(item(at).result)) continue;
      bool feeds = true;
      for (const int reader : item(at).readers) {
        feeds = feeds && is_member(around, reader);
        each_read(reader, [&](BufferId id, Reach reach) { feeds = feeds && (id != item(at).result || reach == Reach::kOwn); });
      }
      each_read(at, [&](BufferId id, Reach reach) { feeds = feeds && (!is_made_inside(around, id) || may_read(reach)); });
      if (feeds) around.member[static_cast<std::size_t>(at)] = 1;
    }
  }

  // ---- the program again, groups as one

  Program put_together() {
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
      const std::vector<int> group = item(next).group == kNone ? std::vector<int>{next} : members_.at(next);
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

  Segment strips_of(int scan, const std::vector<int>& group) {
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
  std::vector<char> after_scan(int scan, const std::vector<int>& group) {
    std::vector<char> behind(items_.size());
    behind[static_cast<std::size_t>(scan)] = 1;
    for (const int at : group) {  // in the order of the program
      for (const int from : item(at).reads) {
        if (behind[static_cast<std::size_t>(from)] && item(from).group == scan) behind[static_cast<std::size_t>(at)] = 1;
      }
    }
    return behind;
  }

  Plan& plan_;
  const std::vector<bool>& fixed_;
  std::vector<Item> items_;
  std::vector<int> maker_;                   // [buffer]: item
  std::vector<int> scans_;                   // that have strips
  std::map<int, std::vector<int>> members_;  // of the strips around a scan, ascending
  AxisId axis_ = kNone;                      // of the scan at hand
  bool backwards_ = false;
};

}  // namespace

Plan strips(Plan plan, const std::vector<bool>& fixed) {
  plan.forward = Striping(plan, fixed).run(plan.forward);
  plan.backward = Striping(plan, fixed).run(plan.backward);
  return order_stages(std::move(plan));
}

}  // namespace tapeloop
