// What depends on the mode: lengths of axes, and what a decoder reads.
#include <algorithm>

#include "compiler/passes/expander.h"

namespace tapeloop::expanding {
namespace {

constexpr std::int64_t kMostDecided = 1 << 20;  // positions of a run whose end is decided

}  // namespace

// What other modes say is written out as well: its mistakes are reported, and what it reads is not unused.
void Expander::place_length(Instance& in, SlotId id, const AxisDecl& decl, const Scope& declared) {
  const std::string name = slots_[static_cast<std::size_t>(id)].name;
  Owner owner{name + ".length", name.substr(in.prefix.size()) + ".length"};
  Scope scope = declared;
  scope.owner = &owner;
  const LengthDecl* here = &decl.length_in(options_.mode);
  const auto place = [&](const LengthDecl& of) {
    if (!of.length && !of.until) return;
    Read read = lower(of.length ? *of.length : *of.until, scope);
    const auto most = of.most ? whole_number(*of.most, scope) : std::optional<std::int64_t>(1);
    if (most && (*most < 1 || *most > kMostDecided)) {
      diagnostics_.error("E0310", of.until_source,
                         "'max' of axis '" + name + "' is " + std::to_string(*most) + ": expected 1 to " + std::to_string(kMostDecided),
                         "a run whose end is decided has at least one position");
    }
    Slot& slot = slots_[static_cast<std::size_t>(id)];
    if (&of != here) {
      other_modes_.emplace_back(std::move(read), &in);
    } else if (of.length) {
      slot.length = std::move(read);
      slot.has_length = true;
    } else {
      slot.until = std::move(read);
      slot.most = static_cast<std::int32_t>(std::clamp<std::int64_t>(most.value_or(1), 1, kMostDecided));
    }
  };
  place(decl.length);
  for (const auto& [mode, of] : decl.of_mode) place(of);
}

// teacher(truth, own): both are written out in every mode, so that parameters and mistakes are the same; one of them is read.
Read Expander::teacher(Call& call, std::vector<Read> reads) {
  if (!right_count(call, registry_.at("teacher"), reads.size()) || !attributes(call, registry_.at("teacher"))) return {};
  if (std::any_of(reads.begin(), reads.end(), [](const Read& read) { return read.bad(); })) return {};
  for (const Read& read : reads) other_modes_.emplace_back(read, call.scope.in);
  const bool never = reads.size() < 3 ||
                     (reads[2].node != kNone && graph_[reads[2].node].kind->role == Role::kConstant && graph_[reads[2].node].value == 0);
  if (options_.mode == Mode::kTrain && !never) {
    return lower_composite(call, registry_.at("scheduled_sampling"), std::move(reads));
  }
  const Read& read = reads[options_.mode == Mode::kDecode ? 1 : 0];
  return call.name ? make({"copy", {read}}, call.scope, call.tree->source, call.name) : read;
}

}  // namespace tapeloop::expanding
