// What the t of containers within containers is, in whatever order they are written and whatever else they read.
#include <gmock/gmock.h>

#include "tests/expand/inferred.h"

namespace tapeloop::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// `around` feeds `inner` with what varies along its own t alone, as it is a sum over an axis within that.
const char* const kAround = R"(
axes: {t: {}, u: {within: t, length: 2}}
inputs: {x: {}}
nodes:
  i: index(u) + 1
  s: sum(i, along=u)
  y: inner(s) + x
outputs: [y]
)";
const char* const kInner = "inputs: {x: {}}\nnodes: {y: x + 0.5 * y_tm1}\noutputs: [y]\n";
const Setting kCells{.cells = {{"around", kAround}, {"inner", kInner}}};

TEST(BindAxes, AnAxisWithinTheOneOfAContainerThatIsFedByALaterOne) {
  const Inferred m = infer("inputs: {x: {}}\nnodes: {a: around(b), b: inner(x)}\noutputs: [a]\n", kCells);
  EXPECT_THAT(m.codes(), IsEmpty());
  EXPECT_EQ(m.space("a.i"), "[t, a.u]");
  EXPECT_EQ(m.space("a.s"), "[t]");
  EXPECT_EQ(m.space("a.y.inner.y"), "[t]");
}

TEST(BindAxes, AnAxisWithinTheOneOfAContainerThatIsFedByWhatItGave) {
  const Inferred m = infer("inputs: {x: {}}\nnodes: {a: around(f), f: x + a_tm1}\noutputs: [a]\n", kCells);
  EXPECT_THAT(m.codes(), IsEmpty());
  EXPECT_EQ(m.space("a.i"), "[t, a.u]");
  EXPECT_EQ(m.space("a.y.inner.y"), "[t]");
}

// The first axis lies within a later one, and what feeds the container is read with a tap.
TEST(BindAxes, MoreAxesThanValuesInAnyOrder) {
  const Inferred m = infer(R"(
axes: {z: {within: c}, c: {}, d: {}, e: {}, f: {}, g: {}, k: {}, l: {}, m: {}, n: {}}
inputs: {x: {axes: [c, z]}}
nodes:
  a: inner(x[z-1])
outputs: [a]
)",
                           kCells);
  EXPECT_THAT(m.codes(), IsEmpty());
  EXPECT_EQ(m.space("a"), "[c, z]");
}

TEST(BindAxes, AStartAlongAnAxisThatIsNotThereIsOneMistake) {
  const Inferred m = infer(R"(
inputs: {x: {}}
states: {h: {along: nosuch, init: 1}}
nodes:
  h: x + 0.5 * h_tm1
  y: sum(inner(h), along=t)
outputs: [y]
)",
                           kCells);
  EXPECT_THAT(m.codes(), ElementsAre("E0401"));
}

}  // namespace
}  // namespace tapeloop::testing
