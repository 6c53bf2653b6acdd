#include "compiler/passes/describe_program.h"

#include <cstdint>
#include <string>
#include <vector>

namespace tapeloop {
namespace {

// "512+4*features": what has a number, then the rest.
class Sum {
 public:
  void add(const std::string& text) {
    if (text.empty()) return;
    if (text.find_first_not_of("0123456789") == std::string::npos) {
      number_ += std::stoll(text);
    } else {
      free_.push_back(text);
    }
  }
  void add(const Sum& other) {
    number_ += other.number_;
    free_.insert(free_.end(), other.free_.begin(), other.free_.end());
  }
  // Bytes of one point.
  void add(const Shape& shape, const Sizes& sizes) {
    constexpr std::int64_t kBytesOfFloat = 4;
    std::int64_t count = kBytesOfFloat;
    std::string names;
    for (const Dim& dim : shape) {
      if (dim.is_number()) {
        count *= dim.number();
      } else {
        names += "*" + sizes.text(dim);
      }
    }
    if (names.empty()) {
      number_ += count;
    } else {
      free_.push_back(std::to_string(count) + names);
    }
  }
  std::string text() const {
    std::string sum = number_ != 0 || free_.empty() ? std::to_string(number_) : "";
    for (const std::string& part : free_) sum += (sum.empty() ? "" : "+") + part;
    return sum;
  }

 private:
  std::int64_t number_ = 0;
  std::vector<std::string> free_;
};

// Parameters are read once for all points.
void add_bytes(const Plan& plan, const Operand& operand, Sum& sum) {
  const auto buffer = [&]() -> const Buffer& { return plan.buffers[static_cast<std::size_t>(operand.buffer)]; };
  if (operand.table == kNone && buffer().layout == kNone) return;
  sum.add(operand.shapes.empty() ? buffer().shape : operand.shapes.front(), plan.sizes);
}

}  // namespace

void describe_program(const Plan& plan, Instruction& program) {
  std::string names;
  std::vector<bool> read(program.operands.size(), false);
  Sum flops;
  Sum bytes;
  for (std::size_t k = 0; k < program.program.size(); ++k) {
    PointOp& op = program.program[k];
    Sum own;
    for (const std::int32_t input : op.inputs) {
      const auto operand = static_cast<std::size_t>(input);
      if (operand >= read.size() || read[operand]) continue;
      read[operand] = true;
      add_bytes(plan, program.operands[operand], own);
    }
    const BufferId result = program.results[k].buffer;
    if (result != kNone) {
      own.add(plan.buffers[static_cast<std::size_t>(result)].shape, plan.sizes);
      names += (names.empty() ? "" : ", ") + plan.value(op.node).name;
    }
    op.bytes = own.text();
    bytes.add(own);
    flops.add(op.flops);
  }
  static_cast<Equation&>(program) = program.program.back();
  program.kind = nullptr;
  program.reason = program.program.front().reason;
  program.text = names + " by " + std::to_string(program.program.size()) + " ops in one pass";
  program.flops = flops.text();
  program.bytes = bytes.text();
}

}  // namespace tapeloop
