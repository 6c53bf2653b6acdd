#include <nlohmann/json.hpp>

#include "compiler/dump.h"
#include "compiler/plan_lines.h"
#include "core/kind.h"

namespace tapeloop {
namespace {

using Json = nlohmann::ordered_json;

class JsonDump {
 public:
  JsonDump(const Plan& plan, const DumpOptions& options) : plan_(plan), options_(options) {}

  std::string run() const {
    Json root;
    root["model"] = plan_.model;
    for (const NodeId id : plan_.inputs) root["inputs"].push_back(value(id));
    for (const NodeId id : plan_.parameters) root["parameters"].push_back(value(id));
    for (const OutputRef& output : plan_.outputs) {
      Json item = value(output.node);
      item["output"] = output.name;
      root["outputs"].push_back(std::move(item));
    }
    root["free_sizes"] = plan_.free_sizes;
    root["buffers"] = plan_.buffers.size();
    root["forward"] = program(plan_.forward, true);
    root["backward"] = program(plan_.backward, true);
    return root.dump(2) + "\n";
  }

 private:
  const std::string& axis_name(AxisId axis) const { return plan_.axes[static_cast<std::size_t>(axis)].name; }

  Json value(NodeId id) const {
    const PlanValue& value = plan_.value(id);
    Json item;
    item["name"] = value.name;
    item["axes"] = Json::array();
    for (const AxisId axis : value.space.axes()) item["axes"].push_back(axis_name(axis));
    item["batch"] = value.space.on_batch();
    item["shape"] = Json::array();
    for (const Dim& dim : value.shape) {
      if (dim.is_number()) {
        item["shape"].push_back(dim.number());
      } else {
        item["shape"].push_back(plan_.sizes.text(dim));
      }
    }
    item["type"] = type_name(value.type);
    if (options_.source) item["source"] = value.source.text(false);
    return item;
  }

  Json program(const Program& segments, bool top) const {
    Json list = Json::array();
    for (const Segment& segment : segments) {
      Json item;
      if (top) item["stage"] = segment.stage;
      if (segment.kind != Segment::Kind::kBulk) {
        item[segment.kind == Segment::Kind::kScan ? "scan" : "strips"] = axis_name(segment.axis);
        item["direction"] = segment.backwards ? "backwards" : "forwards";
        item["why"] = segment.reason;
        item["positions_a_step"] = segment.together;
        item["body"] = program(segment.body, false);
      } else {
        for (const InstructionId id : segment.instructions) {
          const Instruction& made = plan_.instructions[static_cast<std::size_t>(id)];
          for (const PlanLine& line : lines_of(made)) item["bulk"].push_back(equation(id, made, line));
        }
      }
      list.push_back(std::move(item));
    }
    return list;
  }

  // Equations with one number of "instruction" are worked out in one pass over memory; those with buffer -1 are never in memory.
  Json equation(InstructionId id, const Instruction& made, const PlanLine& line) const {
    const Equation& equation = *line.equation;
    Json item = value(equation.node);
    item["instruction"] = id;
    item["does"] = op_name(made.op);
    if (equation.kind) item["op"] = equation.kind->name;
    item["equation"] = equation.text;
    item["reads"] = Json::array();
    for (const PlanLine::Read& read : line.reads) {
      if (read.node != kNone) item["reads"].push_back(plan_.value(read.node).name);
    }
    item["why"] = equation.reason.text;
    item["flops_of_a_point"] = equation.flops;
    item["bytes_of_a_point"] = equation.bytes;
    item["buffer"] = line.buffer;
    return item;
  }

  const Plan& plan_;
  const DumpOptions& options_;
};

}  // namespace

std::string dump_json(const Plan& plan, const DumpOptions& options) { return JsonDump(plan, options).run(); }

}  // namespace tapeloop
