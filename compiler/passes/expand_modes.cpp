// What depends on the mode: lengths of axes, and what a decoder reads.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/passes/expander.h"

namespace tapeloop::expanding {
namespace {

constexpr double kMostDecided = 1 << 20;  // positions of a run whose end is decided
constexpr double kMostHypotheses = 64;    // of a beam search: as many as one op joins
constexpr double kMostPenalty = 10;

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
    const auto in_range = [&](const char* key, const ExpressionPtr& tree, std::optional<double> value, double least, double greatest) {
      if (!value || (*value >= least && *value <= greatest)) return;
      diagnostics_.error("E0310", tree->source.known() ? tree->source : of.until_source,
                         fmt::format("'{}' of axis '{}' is {}: expected {} to {}", key, name, *value, least, greatest),
                         "see 'until' in models/LANGUAGE.md");
    };
    const auto whole = [&](const ExpressionPtr& tree) -> std::optional<double> {
      const auto found = tree ? whole_number(*tree, scope) : std::optional<std::int64_t>(1);
      return found ? std::optional(static_cast<double>(*found)) : std::nullopt;
    };
    const auto most = whole(of.most), beam = whole(of.beam);
    const auto penalty = of.length_penalty ? number(*of.length_penalty, scope) : std::optional<double>(0);
    in_range("max", of.most, most, 1, kMostDecided);
    in_range("beam", of.beam, beam, 1, kMostHypotheses);
    in_range("length_penalty", of.length_penalty, penalty, 0, kMostPenalty);
    Slot& slot = slots_[static_cast<std::size_t>(id)];
    if (&of != here) {
      other_modes_.emplace_back(std::move(read), &in);
    } else if (of.length) {
      slot.length = std::move(read);
      slot.has_length = true;
    } else {
      slot.until = std::move(read);
      slot.most = static_cast<std::int32_t>(std::clamp(most.value_or(1), 1.0, kMostDecided));
      slot.beam = static_cast<std::int32_t>(std::clamp(beam.value_or(1), 1.0, kMostHypotheses));
      slot.length_penalty = std::clamp(penalty.value_or(0), 0.0, kMostPenalty);
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
