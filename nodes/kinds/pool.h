// y(p) = the largest x (or mean, sum, least) of the positions p * stride .. p * stride + size - 1 that are there        see remap
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(pool) {
  kind.doc = "Windows of positions along an axis, each reduced to one value; the last window may be shorter.";
  kind.usage = "pool(x, size, stride=size, how=max|mean|sum|min, along=AXIS)";
  kind.role = Role::kSugar;
  kind.operands = {"x"};
  kind.options = {option("size", OptionSpec::Type::kInteger, "positions of a window"),
                  option("stride", OptionSpec::Type::kInteger, 0.0, "positions from window to window; 0: the size"),
                  option("how", OptionSpec::Type::kWord, std::string("max"), "what becomes of a window")};
  kind.options.back().words = {"max", "mean", "sum", "min"};
}

}  // namespace tapeloop::kinds
