// What stands where in the plans of the shipped and the reference models.

#include <gmock/gmock.h>

#include <set>
#include <string>
#include <vector>

#include "compiler/dump.h"
#include "tests/compiler/compiled.h"

namespace tapeloop {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

struct Nest {
  const char* path;
  const char* forward;
  const char* backward;
};

// As the published algorithm (Allen & Kennedy 1987), written down apart from this code in names and taps alone, nests them.
const Nest kNests[] = {
    {"models/cells/simple_rnn.yaml", "t>", "t<"},
    {"models/cells/gru.yaml", "t>", "t<"},
    {"models/cells/gru_reset_after.yaml", "t>", "t<"},
    {"models/cells/lstm.yaml", "t>", "t<"},
    {"models/cells/gf_rnn.yaml", "t>", "t<"},
    {"models/cells/gf_gru.yaml", "t>", "t<"},
    {"models/cells/gf_lstm.yaml", "t>", "t<"},
    {"models/cells/narx.yaml", "t>", "t<"},
    {"models/systems/fibonacci.yaml", "t>", ""},
    {"models/systems/sunspots.yaml", "t>", "t<"},
    {"tests/data/reference/models/cascade_carry.yaml", "t> t>(u>)", "t<(u<) t<"},
    {"tests/data/reference/models/cascade_reset.yaml", "t> u>", "u< t<"},
    {"tests/data/reference/models/set_of_sequences.yaml", "t>", "t<"},
    {"tests/data/reference/models/gf_rnn.yaml", "t>", "t<"},
    {"tests/data/reference/models/gru_reset_after.yaml", "t>", "t<"},
    {"tests/data/reference/models/gru_reset_before.yaml", "t>", "t<"},
    {"tests/data/reference/models/lstm.yaml", "t>", "t<"},
    {"tests/data/reference/models/simple_rnn.yaml", "t>", "t<"},
    {"tests/data/reference/models/taps_1_and_3.yaml", "t>", "t<"},
};

TEST(PlanNests, AreThoseOfTheAlgorithm) {
  for (const Nest& nest : kNests) {
    const Plan plan = compile_file(nest.path).plan;
    EXPECT_EQ(nest_of(plan, plan.forward), nest.forward) << nest.path;
    EXPECT_EQ(nest_of(plan, plan.backward), nest.backward) << nest.path;
  }
}

// Scans that do not depend on each other may stand in either order.
std::vector<std::string> unordered(const std::string& nest) {
  std::vector<std::string> scans;
  for (std::size_t start = 0; start < nest.size(); start += scans.back().size() + 1)
    scans.push_back(nest.substr(start, nest.find(' ', start) - start));
  return scans;
}

TEST(PlanNests, OfBidirectionalModelsHaveOneScanForEachDirection) {
  for (const char* path : {"models/cells/bidirectional.yaml", "tests/data/reference/models/bilstm_ragged.yaml"}) {
    const Plan plan = compile_file(path).plan;
    EXPECT_THAT(unordered(nest_of(plan, plan.forward)), UnorderedElementsAre("t>", "t<")) << path;
    EXPECT_THAT(unordered(nest_of(plan, plan.backward)), UnorderedElementsAre("t>", "t<")) << path;
  }
}

TEST(PlanNests, OfTheSequenceToSequenceModelHaveTheDecoderBetweenTheEncoders) {
  const Plan plan = compile_file("tests/data/reference/models/seq2seq_teacher_forced.yaml").plan;
  const std::vector<std::string> forward = unordered(nest_of(plan, plan.forward));
  const std::vector<std::string> backward = unordered(nest_of(plan, plan.backward));
  EXPECT_THAT(forward, UnorderedElementsAre("s>", "s<", "t>"));
  EXPECT_EQ(forward.back(), "t>");
  EXPECT_THAT(backward, UnorderedElementsAre("s>", "s<", "t<"));
  EXPECT_EQ(backward.front(), "t<");
}

TEST(GruPlan, InputProductsAreBulkAndRecurrentOnesInTheScan) {
  CompileOptions options;
  options.without = {"fuse_products"};
  const Plan plan = compile_file("models/cells/gru.yaml", options).plan;
  const Places products = places_of(plan, plan.forward, OpCode::kProduct);
  EXPECT_THAT(products.before, ElementsAre("x @ r.linear.x", "x @ z.linear.x", "x @ n.linear.x"));
  EXPECT_THAT(products.inside, SizeIs(3));
  EXPECT_THAT(products.after, IsEmpty());
}

TEST(GruPlan, HasOneInputProductAndOneRecurrentOneForAllThatReadTheSame) {
  const Plan plan = compile_file("models/cells/gru.yaml").plan;
  const Places products = places_of(plan, plan.forward, OpCode::kProduct);
  EXPECT_THAT(products.before, ElementsAre("[r.linear.bias | z.linear.bias | n.linear.bias] + x @ [r.linear.x | z.linear.x | n.linear.x]"));
  EXPECT_THAT(products.inside,
              ElementsAre("[r#1, z#1, n#1] + h_tm1 @ [r.linear.h_tm1 | z.linear.h_tm1]", "n#1 + n#2 @ n.linear.2"));  // n reads r * h_tm1
  const Plan after = compile_file("models/cells/gru_reset_after.yaml").plan;
  EXPECT_THAT(places_of(after, after.forward, OpCode::kProduct).before, SizeIs(1));
  EXPECT_THAT(places_of(after, after.forward, OpCode::kProduct).inside,
              ElementsAre("[r.linear.bias | z.linear.bias | u.linear.bias] + h_tm1 @ [r.linear.h_tm1 | z.linear.h_tm1 | u.linear.h_tm1]"));
}

TEST(FuseProducts, SumsAreOneProductWithSeveralTerms) {
  const Plan plan = compile_file("models/cells/gru.yaml").plan;
  // What else is added up comes first, and the product begins with it.
  EXPECT_THAT(places_of(plan, plan.backward, OpCode::kProduct).inside,
              ElementsAre("d(n#5) @ transpose(n.linear.2)",
                          "d(h_tm1)+#2 + d(z#4) @ transpose(z.linear.h_tm1) + d(r#4) @ transpose(r.linear.h_tm1)"));
}

TEST(GruPlan, EachWeightGradientIsOneProductAfterTheBackwardScan) {
  CompileOptions options;
  options.without = {"fuse_products"};
  const Plan plan = compile_file("models/cells/gru.yaml", options).plan;
  const Places sums = places_of(plan, plan.backward, OpCode::kProductSum);
  EXPECT_THAT(sums.before, IsEmpty());
  EXPECT_THAT(sums.inside, IsEmpty());
  EXPECT_THAT(sums.after, SizeIs(6));
  const Plan fused = compile_file("models/cells/gru.yaml").plan;
  EXPECT_THAT(places_of(fused, fused.backward, OpCode::kProductSum).after, SizeIs(3));  // one for each of x, h_tm1 and r * h_tm1
}

TEST(GruPlan, EveryLineSaysWhy) {
  const Plan plan = compile_file("models/cells/gru.yaml").plan;
  for (const Instruction& instruction : plan.instructions) EXPECT_NE(instruction.reason.text, "") << instruction.text;
}

// Everything in P that an instruction reads has been made by one before it, or is given.
void expect_made_before_read(const Plan& plan, const Program& program, std::set<BufferId>& made) {
  for (const Segment& segment : program) {
    for (const InstructionId id : segment.instructions) {
      const Instruction& reader = plan.instructions[static_cast<std::size_t>(id)];
      for (const Operand& operand : reader.operands) {
        if (operand.buffer == kNone) continue;
        const Buffer& buffer = plan.buffers[static_cast<std::size_t>(operand.buffer)];
        const bool given = buffer.layout != kNone || buffer.kind != Buffer::Kind::kValue;
        EXPECT_TRUE(given || made.contains(operand.buffer)) << reader.text;
      }
      for (const Result& result : reader.results) made.insert(result.buffer);
    }
    expect_made_before_read(plan, segment.body, made);
  }
}

// Weights and biases may be equations, and these may be written after whoever reads them.
TEST(FuseProducts, ReadNothingBeforeItIsMade) {
  CompileOptions options;
  options.without = {"share"};  // each buffer holds one value
  const std::string head =
      "tapeloop: 1\noptions: {units: 4}\ninputs: {x: {shape: [3]}}\nparameters: {A: [3, units], U: [units, units], b: [units]}\n";
  for (const char* nodes : {"  h: tanh(x @ A + h_tm1 @ U + c)\n  c: tanh(2 * b)\n", "  a: x @ A\n  W: 2 * A\n  h: a * (x @ W)\n"}) {
    const Plan plan = compile_text(head + "nodes:\n" + nodes + "outputs: [h]\n", options).plan;
    std::set<BufferId> made;
    expect_made_before_read(plan, plan.forward, made);
    expect_made_before_read(plan, plan.backward, made);
  }
}

// What the top-level instructions of a whole stage make is in P; what those of the others make, scans included, is on the batch.
void check_stages(const Plan& plan, const Program& program, int scans_around, int stage) {
  for (const Segment& segment : program) {
    if (scans_around == 0) {
      EXPECT_GE(segment.stage, stage);
      stage = segment.stage;
    }
    const bool whole = stage % 2 == 0;
    EXPECT_FALSE(whole && segment.kind == Segment::Kind::kScan);
    for (const InstructionId id : segment.instructions) {
      const Instruction& made = plan.instructions[static_cast<std::size_t>(id)];
      if (made.op == OpCode::kSetLengths) {
        EXPECT_FALSE(whole);
        continue;
      }
      for (const Result& result : made.results) {
        if (result.buffer == kNone) continue;
        EXPECT_EQ(plan.buffers[static_cast<std::size_t>(result.buffer)].layout == kNone, whole) << made.text;
      }
    }
    check_stages(plan, segment.body, scans_around + 1, stage);
  }
}

TEST(PlanStages, PartWhatIsOnTheBatchFromWhatIsInP) {
  for (const Nest& nest : kNests) {
    const Plan plan = compile_file(nest.path).plan;
    check_stages(plan, plan.forward, 0, 0);
    check_stages(plan, plan.backward, 0, 0);
  }
}

TEST(PlanStages, AreAsFewAsWhatIsReadAllows) {
  const Plan plan = compile_file("models/systems/sunspots.yaml").plan;
  EXPECT_EQ(plan.forward.back().stage, 2);   // parameters, everything, the loss
  EXPECT_EQ(plan.backward.back().stage, 2);  // d(loss) / count, the adjoints, the gradients
}

TEST(CascadePlan, ResetRunsOneScanAlongTheInnerAxisWithAllOuterPositionsAsRows) {
  const Plan plan = compile_file("tests/data/reference/models/cascade_reset.yaml").plan;
  for (const Segment& segment : plan.forward) {
    if (segment.kind != Segment::Kind::kScan || plan.axes[static_cast<std::size_t>(segment.axis)].name != "u") continue;
    const Instruction& step = plan.instructions[static_cast<std::size_t>(segment.body.front().instructions.front())];
    const Layout& layout = plan.layouts[static_cast<std::size_t>(step.layout)];
    EXPECT_EQ(layout.steps, std::vector<AxisId>{segment.axis});
    EXPECT_THAT(layout.runs, SizeIs(1));  // t: its positions are rows of the scan
    return;
  }
  FAIL() << "no scan along u";
}

TEST(PlanDump, NamesEveryOperationAndEveryNodeOfAGraph) {
  const Compiled compiled = compile_text(R"(tapeloop: 1
axes: {t: {}, s: {length: n}}
inputs: {x: {shape: [3]}, n: {axes: [], type: int}}
parameters: {g: [3]}
states: {h: g}
nodes:
  noisy: dropout(x, rate=0.5)
  h: tanh(linear(noisy, h_tm1, units=3))
  best: max(h, along=t)
  far: sum(index(s) * length(t), along=s)
  y: best + far
outputs: [y]
)");
  const std::string json = dump_json(compiled.plan);
  for (const char* op : {"extreme_along", "move_outside", "index", "length", "draw", "set_lengths"}) {
    EXPECT_THAT(json, testing::HasSubstr('"' + std::string(op) + '"')) << op;
  }
  const std::string graph = dump_graph(compiled.differentiated);
  EXPECT_THAT(graph, testing::HasSubstr("best = max_along(h, along=t) | [] | [3] | max_along"));
  EXPECT_LT(graph.find("\nh = "), graph.find("\nd(h) = "));  // backward comes after
}

TEST(PlanDump, IsTheSameForTheSameModel) {
  const Plan once = compile_file("models/cells/gf_lstm.yaml").plan;
  const Plan again = compile_file("models/cells/gf_lstm.yaml").plan;
  EXPECT_EQ(dump_text(once), dump_text(again));
  EXPECT_EQ(dump_json(once), dump_json(again));
  EXPECT_EQ(dump_dot(once), dump_dot(again));
}

}  // namespace
}  // namespace tapeloop
