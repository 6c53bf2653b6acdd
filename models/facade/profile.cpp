#include "models/facade/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>

#include "models/facade/trial_feed.h"
#include "runtime/instruction_times.h"
#include "runtime/products.h"
#include "runtime/run.h"

namespace tapeloop {
namespace {

constexpr double kHotSpot = 0.05;  // share of the time from which on an instruction gets advice

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The shortest of several calls: what else the machine does makes them longer only.
template <class Action>
double least_seconds(int calls, Action action) {
  double least = 1e9;
  for (int call = 0; call < calls; ++call) {
    const auto start = std::chrono::steady_clock::now();
    action();
    least = std::min(least, seconds_since(start));
  }
  return least;
}

double number_in(const std::string& text) {
  double number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

double flops_of_a_point(const Instruction& made) {
  if (made.program.empty()) return number_in(made.flops);
  double flops = 0;
  for (const PointOp& op : made.program) flops += number_in(op.flops);
  return flops;
}

struct Bytes {
  double of_a_point = 0, of_a_call = 0;
};

// A program reads its operands and writes the results that others want; what is between stays in registers.
Bytes bytes_of(const Plan& plan, const Instruction& made) {
  Bytes bytes;
  const auto count = [&](BufferId id) {
    if (id == kNone) return;
    const Buffer& buffer = plan.buffers[static_cast<std::size_t>(id)];
    (buffer.layout == kNone ? bytes.of_a_call : bytes.of_a_point) += sizeof(float) * static_cast<double>(buffer.elements);
  };
  for (const Operand& operand : made.operands) count(operand.buffer);
  for (const Result& result : made.results) count(result.buffer);
  return bytes;
}

bool is_product(const Instruction& made) { return made.op == OpCode::kProduct || made.op == OpCode::kProductSum; }

// A model compiled, with its numbers.
struct Prepared {
  std::shared_ptr<const Plan> plan;
  Batch<float> batch;
  std::map<std::string, Array<float>> parameters;
};

Prepared prepare(const Model& model, const ProfileOptions& options) {
  const TrialSizes sizes{options.rows, options.length, options.free_sizes, false};
  const Feed feed = options.feed ? *options.feed : trial_feed(model, options.mode, 1, sizes);
  Diagnostics diagnostics;
  const Graph expanded = model.expanded(diagnostics, options.mode);
  raise_errors(diagnostics);
  CompileOptions compile_options;
  compile_options.mode = options.mode;
  compile_options.without = options.without;
  compile_options.gradients = options.gradients;
  compile_options.fed_shapes = fed_shapes(feed, expanded);
  const Compiled compiled = model.compile(compile_options);
  Prepared prepared{std::make_shared<const Plan>(compiled.plan), batch_of<float>(feed, compiled.graph, diagnostics),
                    parameters_of<float>(feed, compiled.graph, diagnostics)};
  raise_errors(diagnostics);
  return prepared;
}

class Profiler {
 public:
  Profiler(const Prepared& prepared, const ProfileOptions& options)
      : plan_(*prepared.plan), batch_(prepared.batch), options_(options), times_(plan_), run_(prepared.plan) {
    run_.set_parameters(prepared.parameters);
  }

  Profile measure() {
    Profile profile;
    profile.model = plan_.model;
    run_.forward(batch_);  // makes all room, builds all tables
    for (std::size_t k = 0; k < plan_.seeds.size(); ++k) cotangents_[plan_.outputs[k].name] = run_.value(plan_.outputs[k].node);
    if (options_.gradients) run_.backward(cotangents_);
    run_.set_times(&times_);
    for (const auto start = std::chrono::steady_clock::now(); profile.runs < 3 || seconds_since(start) < options_.seconds; ++profile.runs) {
      profile.forward_ms += 1e3 * least_seconds(1, [&] { run_.forward(batch_); });
      if (options_.gradients) profile.backward_ms += 1e3 * least_seconds(1, [&] { run_.backward(cotangents_); });
    }
    profile.forward_ms /= static_cast<double>(profile.runs);
    profile.backward_ms /= static_cast<double>(profile.runs);
    profile.machine = measure_machine();
    add(plan_.forward, "forward", profile);
    add(plan_.backward, "backward", profile);
    finish(profile);
    return profile;
  }

 private:
  void add(const Program& program, const std::string& where, Profile& profile) const {
    for (const Segment& segment : program) {
      for (const InstructionId id : segment.instructions) profile.instructions.push_back(line_of(id, where, profile));
      if (segment.kind == Segment::Kind::kBulk) continue;
      add(segment.body,
          where + (segment.kind == Segment::Kind::kScan ? ", scan " : ", strips of ") +
              plan_.axes[static_cast<std::size_t>(segment.axis)].name,
          profile);
    }
  }

  ProfiledInstruction line_of(InstructionId id, const std::string& where, const Profile& profile) const {
    const Instruction& made = plan_.instructions[static_cast<std::size_t>(id)];
    const InstructionTimes::Entry& entry = times_.of(id);
    const double runs = static_cast<double>(profile.runs);
    const Equation& equation = made.program.empty() ? static_cast<const Equation&>(made) : made.program.back();
    const Source source = equation.node == kNone ? Source() : plan_.value(equation.node).source;
    ProfiledInstruction line;
    line.text = equation.text;
    line.ops = std::max<std::size_t>(made.program.size(), 1);
    line.op = op_name(made.op);
    line.where = where;
    if (source.file) line.source = fmt::format("{}:{}", *source.file, source.line);
    line.calls = static_cast<double>(entry.calls) / runs;
    line.points = static_cast<double>(entry.points) / runs;
    line.ms = static_cast<double>(entry.nanoseconds) / 1e6 / runs;
    line.mflops = flops_of_a_point(made) * line.points / 1e6;
    const Bytes bytes = bytes_of(plan_, made);
    line.mbytes = (bytes.of_a_point * line.points + bytes.of_a_call * line.calls) / 1e6;
    if (line.ms > 0) line.gflops = line.mflops / line.ms;
    if (line.ms > 0) line.gbytes = line.mbytes / line.ms;
    line.peak = is_product(made) ? line.gflops / profile.machine.gflops : line.gbytes / profile.machine.gbytes;
    if (is_product(made)) line.k = made.product.k, line.n = made.product.n;
    return line;
  }

  static void finish(Profile& profile) {
    double total = 0;
    for (const ProfiledInstruction& line : profile.instructions) total += line.ms;
    for (ProfiledInstruction& line : profile.instructions) {
      if (total > 0) line.share = line.ms / total;
      if (line.share >= kHotSpot) line.advice = advice_for(line, profile.machine);
    }
    std::stable_sort(profile.instructions.begin(), profile.instructions.end(),
                     [](const ProfiledInstruction& a, const ProfiledInstruction& b) { return a.ms > b.ms; });
  }

  const Plan& plan_;
  const Batch<float>& batch_;
  const ProfileOptions& options_;
  InstructionTimes times_;
  Run<float> run_;
  Cotangents<float> cotangents_;
};

}  // namespace

Machine measure_machine() {
  Machine machine;
  constexpr std::int64_t kSide = 256, kProducts = 4;
  const std::vector<float> a(kSide * kSide, 0.5F), b(kSide * kSide, 0.25F);
  std::vector<float> y(kSide * kSide);
  Products<float> products;
  const auto multiply = [&] {
    for (std::int64_t k = 0; k < kProducts; ++k) products.multiply({kSide, kSide, kSide}, a.data(), b.data(), y.data());
  };
  machine.gflops = 2e-9 * kProducts * kSide * kSide * kSide / least_seconds(12, multiply);

  constexpr std::size_t kNumbers = 16 << 20;
  std::vector<float> from(kNumbers, 1.0F), to(kNumbers);
  const auto copy = [&] {
    std::copy(from.begin(), from.end(), to.begin());
    from[0] = to[kNumbers - 1] + 1;  // so that no copy can be left out
  };
  machine.gbytes = 2e-9 * sizeof(float) * kNumbers / least_seconds(4, copy);
  return machine;
}

Profile profile_model(const Model& model, const ProfileOptions& options) {
  const Prepared prepared = prepare(model, options);
  return Profiler(prepared, options).measure();
}

}  // namespace tapeloop
