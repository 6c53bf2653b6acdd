// Which ops become one pass over memory, and which must not.

#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

#include "compiler/dump.h"
#include "compiler/plan_lines.h"
#include "core/kind.h"
#include "tests/compiler/compiled.h"

namespace tapeloop {
namespace {

using testing::ElementsAre;

CompileOptions without_gradients() {
  CompileOptions options;
  options.gradients = false;
  return options;
}

// What the programs of the plan make: for each, the names of its values in order; those that are stored with a "!".
std::vector<std::vector<std::string>> programs_of(const Plan& plan, const Program& program) {
  std::vector<std::vector<std::string>> programs;
  for (const Segment& segment : program) {
    for (const InstructionId id : segment.instructions) {
      const Instruction& made = plan.instructions[static_cast<std::size_t>(id)];
      if (made.op != OpCode::kPoint) continue;
      programs.emplace_back();
      for (const PlanLine& line : lines_of(made)) {
        programs.back().push_back(plan.value(line.equation->node).name + (line.buffer == kNone ? "" : "!"));
      }
    }
    for (auto& inner : programs_of(plan, segment.body)) programs.push_back(std::move(inner));
  }
  return programs;
}

Plan plan_of(const std::string& nodes, CompileOptions options = without_gradients()) {
  return compile_text("tapeloop: 1\ninputs: {x: {shape: [3]}}\n" + nodes, std::move(options)).plan;
}

TEST(FusePoints, AStepOfAGruIsOneProgramBeforeTheLastProductAndOneAfter) {
  CompileOptions options = without_gradients();
  options.without = {"fuse_products"};  // which takes the additions away
  const Plan plan = compile_file("models/cells/gru.yaml", options).plan;
  const auto programs = programs_of(plan, plan.forward);
  ASSERT_EQ(programs.size(), 2U);
  EXPECT_THAT(programs[0], ElementsAre("r#3", "r#4", "r", "n#2!"));
  EXPECT_EQ(programs[1].back(), "h!");
}

TEST(FusePoints, WhatOnlyALaterProgramReadsIsDoneThere) {
  CompileOptions options = without_gradients();
  options.without = {"fuse_products"};
  const Plan plan = compile_file("models/cells/gru.yaml", options).plan;
  EXPECT_THAT(programs_of(plan, plan.forward)[1], ElementsAre("z#3", "z#4", "z", "n#4", "n#5", "n", "h#1", "h#3", "h#4", "h!"));
}

TEST(FusePoints, ValuesWithinAProgramHaveNoBuffer) {
  const Plan plan = plan_of("nodes:\n  a: tanh(x)\n  y: a * a + x\noutputs: [y]\n");
  ASSERT_THAT(programs_of(plan, plan.forward), ElementsAre(ElementsAre("a", "y#1", "y!")));
  for (const PlanValue& value : plan.nodes) EXPECT_EQ(value.buffer == kNone, value.name == "a" || value.name == "y#1") << value.name;
}

TEST(FusePoints, OutputsAndKeptValuesAreStored) {
  CompileOptions options = without_gradients();
  options.keep = {"b"};
  const Plan plan = plan_of("nodes:\n  a: tanh(x)\n  b: a * 2\n  y: b + x\noutputs: [a, y]\n", options);
  EXPECT_THAT(programs_of(plan, plan.forward), ElementsAre(ElementsAre("a!", "b!", "y!")));
}

TEST(FusePoints, ATapInBulkWaitsForAllPositions) {
  const Plan plan = plan_of("nodes:\n  a: tanh(x)\n  y: a + a_tm1\noutputs: [y]\n");
  EXPECT_THAT(programs_of(plan, plan.forward), ElementsAre(ElementsAre("a!"), ElementsAre("y!")));
}

TEST(FusePoints, ATapInAScanReadsAnotherStepAndWaitsForNothing) {
  const Plan plan = plan_of("nodes:\n  h: tanh(x + h_tm1)\n  y: h * y_tm1 + h_tm1\noutputs: [y]\n");
  for (const auto& program : programs_of(plan, plan.forward)) EXPECT_GT(program.size(), 1U);
}

TEST(FusePoints, NormalisationOverTheShapeIsOneProgram) {
  for (const char* equation : {"layer_norm(x)", "softmax(x, along=shape)", "x / norm(x)"}) {
    const Plan plan = plan_of("nodes:\n  y: " + std::string(equation) + "\noutputs: [y]\n");
    const auto programs = programs_of(plan, plan.forward);
    const auto on_batch =
        std::count_if(plan.instructions.begin(), plan.instructions.end(), [](const Instruction& i) { return i.layout != kNone; });
    EXPECT_EQ(on_batch, 1) << equation << "\n" << dump_text(plan);
  }
}

TEST(FusePoints, EveryEquationKeepsItsLine) {
  const auto texts = [](const Plan& plan) {
    std::vector<std::string> texts;
    for (const Instruction& made : plan.instructions) {
      for (const PlanLine& line : lines_of(made)) {
        EXPECT_NE(line.equation->reason.text, "");
        texts.push_back(line.equation->text);
      }
    }
    std::sort(texts.begin(), texts.end());
    return texts;
  };
  CompileOptions options;
  const Plan fused = compile_file("models/cells/gf_lstm.yaml", options).plan;
  options.without = {"fuse_points"};
  const Plan apart = compile_file("models/cells/gf_lstm.yaml", options).plan;
  EXPECT_EQ(texts(fused), texts(apart));
  EXPECT_LT(fused.instructions.size(), apart.instructions.size());
  for (const auto& program : programs_of(apart, apart.forward)) EXPECT_EQ(program.size(), 1U);
}

TEST(FusePoints, ALongChainIsCutIntoSeveralPrograms) {
  const Plan plan = plan_of("nodes:\n  h0: x\n  for j in 1..200:\n    h{j}: tanh(h{j-1} + x)\noutputs: [h200]\n");
  const auto programs = programs_of(plan, plan.forward);
  EXPECT_GT(programs.size(), 1U);
  EXPECT_LT(programs.size(), 20U);
}

}  // namespace
}  // namespace tapeloop
