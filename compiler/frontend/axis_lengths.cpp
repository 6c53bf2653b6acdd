#include "compiler/frontend/axis_lengths.h"

namespace tapeloop {
namespace {

const std::string kDecisionHelp = "write {until: NAME, max: 40}: the step at which NAME is true is the last one";

LengthDecl read_decision(const Tree& map, const std::string& what, SectionReader& reader) {
  LengthDecl result;
  const Tree* until = map.find("until");
  const Tree* most = map.find("max");
  if (!until || !most) {
    reader.error("E0116",
                 (until  ? until
                  : most ? most
                         : &map)
                     ->source,
                 what + " has no '" + (until ? "max" : "until") + "'", kDecisionHelp);
    return result;
  }
  result.until = reader.equation(*until, "'until'");
  result.most = reader.equation(*most, "'max'");
  if (const Tree* beam = map.find("beam")) result.beam = reader.equation(*beam, "'beam'");
  if (const Tree* penalty = map.find("length_penalty")) {
    result.length_penalty = reader.equation(*penalty, "'length_penalty'");
    if (!result.beam) reader.error("E0116", penalty->source, what + " has a 'length_penalty' and no 'beam'", "write beam: 5 beside it");
  }
  result.until_source = until->source;
  return result;
}

LengthDecl read_length(const Tree& value, const std::string& what, SectionReader& reader) {
  if (value.is_map()) {
    if (!reader.known_keys(value, what, {"until", "max", "beam", "length_penalty"})) return {};
    return read_decision(value, what, reader);
  }
  LengthDecl result;
  result.length = reader.equation(value, "'length'");
  return result;
}

}  // namespace

void read_lengths(const Tree& axis, const std::string& key, SectionReader& reader, AxisDecl& result) {
  const std::string what = "the length of axis '" + key + "'";
  const Tree* length = axis.find("length");
  if (axis.find("until") || axis.find("max") || axis.find("beam") || axis.find("length_penalty")) {
    if (length) {
      reader.error("E0116", length->source, "axis '" + key + "' has both 'length' and 'until'",
                   "give one of them, or one for each mode: length: {train: steps, decode: {until: done, max: 40}}");
      return;
    }
    result.length = read_decision(axis, what, reader);
    return;
  }
  if (!length) return;
  const bool by_mode = length->is_map() && !length->find("until") && !length->find("max");
  if (!by_mode) {
    result.length = read_length(*length, what, reader);
    return;
  }
  reader.known_keys(*length, what, {"train", "eval", "decode", "until", "max", "beam", "length_penalty"});
  constexpr std::pair<const char*, Mode> kModes[] = {{"train", Mode::kTrain}, {"eval", Mode::kEval}, {"decode", Mode::kDecode}};
  for (const auto& [name, mode] : kModes) {
    if (const Tree* one = length->find(name)) result.of_mode.emplace_back(mode, read_length(*one, what + " in " + name, reader));
  }
  if (length->map.empty())
    reader.error("E0116", length->source, what + " is an empty map", "write length: steps, or {decode: {until: done, max: 40}}");
}

}  // namespace tapeloop
