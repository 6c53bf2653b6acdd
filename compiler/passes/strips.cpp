#include "compiler/passes/strips.h"

#include <algorithm>
#include <map>
#include <utility>

#include "compiler/passes/program_items.h"
#include "compiler/passes/stages.h"

namespace tapeloop {
namespace {

class Striping {
 public:
  Striping(const Plan& plan, const std::vector<bool>& fixed, const Program& program) : plan_(plan), fixed_(fixed), items_(plan, program) {}

  Program run() {
    find_fed();
    for (int scan = 0; scan < count(); ++scan) {
      if (is_scan(scan) && item(scan).segment.goes_on == kNone) take_what_reads(scan);  // backward needs nothing of a trial
    }
    for (const int scan : scans_) take_what_feeds(scan);
    return items_.with_strips(members_);
  }

 private:
  int count() const { return items_.count(); }
  ProgramItem& item(int at) { return items_.item(at); }
  bool is_scan(int at) const { return items_.is_scan(at); }
  const Instruction& made_by(int at) const { return items_.made_by(at); }
  const Buffer& buffer(BufferId id) const { return plan_.buffers[static_cast<std::size_t>(id)]; }

  // ---- along which positions something is read, seen on axis_

  template <class Visit>
  void each_read(int at, const Visit& visit) const {
    items_.each_read(at, axis_, visit);
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
    Around around{scan, std::vector<char>(static_cast<std::size_t>(count())), std::vector<char>(static_cast<std::size_t>(count())), {}};
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
    Around around{scan, std::vector<char>(static_cast<std::size_t>(count())), std::vector<char>(static_cast<std::size_t>(count())), {}};
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
    ProgramItems::each_instruction(item(scan).segment, [&](InstructionId id) {
      const Instruction& made = items_.instruction(id);
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
      items_.each_read(made, axis_, [&](BufferId id, Reach reach) {
        if (reach != Reach::kOwn) around.kept[static_cast<std::size_t>(id)] = 1;
      });
    }
  }

  bool is_made_inside(const Around& around, BufferId id) const {
    const int from = items_.maker(id);
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
    std::vector<char> reached(static_cast<std::size_t>(count()));
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
    const std::vector<int>& readers = item(items_.maker(id)).readers;
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
  bool feeds_one_scan(int at) const { return fed_[static_cast<std::size_t>(at)] >= 0; }

  // The scan that all readers of an item end in; kNone: nothing reads it, kSeveral: more than that, or it is kept. Readers come after
  // what they read, so each item is looked at once.
  void find_fed() {
    fed_.assign(static_cast<std::size_t>(count()), kNone);
    for (int at = count(); at-- > 0;) {
      int& fed = fed_[static_cast<std::size_t>(at)];
      if (item(at).result != kNone && is_kept(item(at).result)) fed = kSeveral;
      for (const int reader : item(at).readers) {
        if (item(reader).whole) continue;
        const int to = is_scan(reader) ? reader : fed_[static_cast<std::size_t>(reader)];
        if (to == kNone || to == fed) continue;
        fed = fed == kNone ? to : kSeveral;
      }
    }
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

  const Plan& plan_;
  const std::vector<bool>& fixed_;
  ProgramItems items_;
  static constexpr int kSeveral = -2;
  std::vector<int> fed_;                     // [item]: see find_fed
  std::vector<int> scans_;                   // that have strips
  std::map<int, std::vector<int>> members_;  // of the strips around a scan, ascending
  AxisId axis_ = kNone;                      // of the scan at hand
  bool backwards_ = false;
};

}  // namespace

Plan strips(Plan plan, const std::vector<bool>& fixed) {
  plan.forward = Striping(plan, fixed, plan.forward).run();
  plan.backward = Striping(plan, fixed, plan.backward).run();
  return order_stages(std::move(plan));
}

}  // namespace tapeloop
