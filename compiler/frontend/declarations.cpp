// What may stand under each name of a section, see section_reader.h.
#include <algorithm>
#include <array>

#include "compiler/frontend/axis_lengths.h"
#include "compiler/frontend/section_reader.h"

namespace tapeloop {
namespace {

// The initialisers, and what they say about an argument.
struct Initialiser {
  std::string_view name;
  bool takes = false;
  bool needs = false;
};
constexpr std::array<Initialiser, 7> kInitialisers = {
    {{"zeros"}, {"ones"}, {"constant", true, true}, {"normal", true}, {"uniform", true}, {"glorot"}, {"orthogonal"}}};

const std::string kShapeHelp = "a shape is a list of sizes: [features, units]; [] is a scalar";

std::vector<ExpressionPtr> read_shape(const Tree& shape, const std::string& what, SectionReader& reader) {
  return reader.expect_list(shape, what, kShapeHelp) ? reader.equations(shape, what) : std::vector<ExpressionPtr>{};
}

bool check_initialiser(const Tree& name, bool with_argument, SectionReader& reader) {
  std::vector<std::string> names;
  for (const Initialiser& known : kInitialisers) {
    names.emplace_back(known.name);
    if (known.name != name.scalar) continue;
    if (with_argument && !known.takes) {
      reader.error("E0122", name.source, "'" + name.scalar + "' takes no argument", "write init: " + name.scalar);
      return false;
    }
    if (!with_argument && known.needs) {
      reader.error("E0122", name.source, "'" + name.scalar + "' needs a number", "write init: {" + name.scalar + ": 0.5}");
      return false;
    }
    return true;
  }
  reader.error("E0122", name.source, "expected an initialiser, found " + describe(name) + did_you_mean(name.scalar, names),
               "they are zeros, ones, {constant: 1}, {normal: 0.1}, {uniform: 0.1}, glorot and orthogonal");
  return false;
}

// NAME or {NAME: NUMBER}.
void read_init(const Tree& init, ParameterDecl& result, SectionReader& reader) {
  Tree name;
  name.source = init.source;
  if (init.is_map() && init.map.size() == 1) {
    name.scalar = init.map[0].key;
    name.source = init.map[0].source;
  } else if (init.is_scalar()) {
    name.scalar = init.scalar;
  } else {
    reader.error("E0115", init.source, "'init': expected an initialiser, found " + describe(init),
                 "write init: zeros, or init: {normal: 0.1}");
    return;
  }
  result.init_source = name.source;
  if (!check_initialiser(name, init.is_map(), reader)) return;
  result.init = name.scalar;
  if (init.is_map()) result.init_value = reader.equation(init.map[0].value, "'" + name.scalar + "'");
}

StateDecl::Start read_start(const Tree& value, const std::string& key, SectionReader& reader) {
  StateDecl::Start start;
  start.source = value.source;
  if (!value.is_map()) {
    start.init = reader.equation(value, "the state of '" + key + "'");
    return start;
  }
  const Tree* before = value.find("before");
  const Tree* after = value.find("after");
  reader.known_keys(value, "a state", {"along", "init", "before", "after"});
  if (const Tree* along = value.find("along")) {
    if (reader.expect_scalar(*along, "'along'", "name one axis: along: u") &&
        reader.check_name(along->scalar, along->source, NameRule::kPlain)) {
      start.along = along->scalar;
    }
  }
  if (before) start.before = reader.equation(*before, "'before'");
  if (after) start.after = reader.equation(*after, "'after'");
  const Tree* init = value.find("init");
  if (init && (before || after)) {
    reader.error("E0116", init->source, "the state of '" + key + "' has 'init' beside 'before' or 'after'",
                 "init is both: write {before: EQUATION, after: EQUATION}");
  } else if (init) {
    start.init = reader.equation(*init, "'init'");
  } else if (!before && !after) {
    reader.error("E0116", value.source, "the state of '" + key + "' has no 'init'", "write {along: " + start.along + ", init: EQUATION}");
  }
  return start;
}

ExpressionPtr long_form(const Tree& value, const std::string& key, SectionReader& reader, std::vector<std::string>* axes);

ExpressionPtr operand(const Tree& value, const std::string& key, SectionReader& reader) {
  return value.is_map() ? long_form(value, key, reader, nullptr) : reader.equation(value, "an input of '" + key + "'");
}

// Null after reporting; a list becomes a list of equations.
ExpressionPtr option_value(const Tree& value, const std::string& option, SectionReader& reader) {
  if (!value.is_list()) return reader.equation(value, "'" + option + "'");
  auto list = std::make_shared<Expression>();
  list->kind = Expression::Kind::kList;
  list->source = value.source;
  list->args = reader.equations(value, "'" + option + "'");
  return std::ranges::find(list->args, nullptr) == list->args.end() ? ExpressionPtr(list) : nullptr;
}

// False after reporting. Inputs in a list have the order of the op's, those in a map its names.
bool read_operands(const Tree& inputs, const std::string& key, SectionReader& reader, std::vector<ExpressionPtr>& args,
                   std::vector<std::pair<std::string, ExpressionPtr>>& named) {
  if (inputs.is_map()) {
    bool good = true;
    for (const Tree::Entry& entry : inputs.map) {
      if (!reader.check_name(entry.key, entry.source, NameRule::kPlain)) good = false;
      named.emplace_back(entry.key, operand(entry.value, key, reader));
      good = good && named.back().second;
    }
    return good;
  }
  if (!reader.expect_list(inputs, "'inputs' of '" + key + "'", "write inputs: [x, h_tm1]")) return false;
  for (const Tree& input : inputs.list) args.push_back(operand(input, key, reader));
  return std::ranges::find(args, nullptr) == args.end();
}

// False after reporting. Puts the name of `op` or `activation` into `name`.
bool read_op_name(const Tree& tree, const std::string& key, SectionReader& reader, std::string& name) {
  if (!reader.expect_scalar(tree, "'" + key + "'", "name one op: " + key + ": tanh")) return false;
  name = tree.scalar;
  return reader.check_name(tree.scalar, tree.source, NameRule::kPlain);
}

// {op: linear, inputs: [x, h_tm1], units: 128, activation: tanh} is tanh(linear(x, h_tm1, units=128)), and inputs: {a: x, b: y} are
// a=x, b=y. `axes` is null for an operand that is itself written in this form.
ExpressionPtr long_form(const Tree& value, const std::string& key, SectionReader& reader, std::vector<std::string>* axes) {
  const Tree* op = value.find("op");
  std::string name;
  std::string activation;
  bool good = true;
  if (!op) {
    std::vector<std::string> keys;
    for (const Tree::Entry& entry : value.map) keys.push_back(entry.key);
    reader.error("E0116", value.source, "'" + key + "' has no 'op'" + did_you_mean("op", keys),
                 "a node is an equation or {op: NAME, inputs: [...]}");
    good = false;
  }
  std::vector<ExpressionPtr> args;
  std::vector<std::pair<std::string, ExpressionPtr>> options;
  for (const Tree::Entry& entry : value.map) {
    if (entry.key == "op") {
      good &= read_op_name(entry.value, "op", reader, name);
    } else if (entry.key == "activation") {
      good &= read_op_name(entry.value, "activation", reader, activation);
    } else if (entry.key == "inputs") {
      good &= read_operands(entry.value, key, reader, args, options);
    } else if (entry.key == "axes" && axes) {
      *axes = reader.names(entry.value, "'axes' of '" + key + "'", "write axes: [t, s]");
    } else if (reader.check_name(entry.key, entry.source, NameRule::kPlain)) {
      options.emplace_back(entry.key, option_value(entry.value, entry.key, reader));
      good &= options.back().second != nullptr;
    } else {
      good = false;
    }
  }
  if (!good) return nullptr;
  ExpressionPtr result = make_call(name, std::move(args), op->source, std::move(options));
  return activation.empty() ? result : make_call(activation, {result}, value.find("activation")->source);
}

}  // namespace

OptionDecl read_option(const Tree& value, const std::string& key, SectionReader& reader) {
  OptionDecl result;
  const std::string what = "option '" + key + "'";
  result.is_list = value.is_list();
  if (value.is_map()) {
    reader.error("E0115", value.source, what + ": expected a number, a word or a list of numbers, found a map", "write " + key + ": 128");
    return result;
  }
  if (value.is_list()) {
    result.values = reader.equations(value, what);
  } else {
    result.values = {reader.equation(value, what)};
  }
  if (std::ranges::find(result.values, nullptr) != result.values.end()) result.values.clear();
  return result;
}

std::string read_use(const Tree& value, const std::string& key, SectionReader& reader) {
  if (!reader.expect_scalar(value, "'use' of '" + key + "'", "name a file: " + key + ": cells/" + key + ".yaml")) return {};
  const std::string& path = value.scalar;
  const std::string parts = "/" + path + "/";
  const bool leads_out = path.empty() || path[0] == '/' || parts.find("/../") != std::string::npos;
  if (!leads_out && path.find_first_of("\\:") == std::string::npos) return path;
  reader.error("E0901", value.source, "expected a file below the folder of this one, found " + describe(value),
               "write a path without '..' and without '/' in front: cells/" + key + ".yaml");
  return {};
}

// {derived: t, stride: 4}: the axis of pool(x, 4) and the like.
// False: it is not as it should be, and that is reported.
bool read_derived(const Tree& value, const std::string& what, SectionReader& reader, DerivedDecl& result) {
  const std::string help = "write {derived: t, stride: 4}, {derived: t, times: 4}, {derived: t, start: 1, stop: -1} or {derived: [t, s]}";
  const auto number = [&](const char* key) {
    return value.find(key) ? reader.equation(*value.find(key), std::string("'") + key + "'") : nullptr;
  };
  result = {{}, number("stride"), number("times"), number("start"), number("stop"), value.source};
  const Tree* derived = value.find("derived");
  const int rules = (result.stride ? 1 : 0) + (result.times ? 1 : 0) + (result.start || result.stop ? 1 : 0);
  if (!derived && rules > 0) reader.error("E0414", value.source, what + " has a rule, but not what it is derived from", help);
  if (!derived) return rules == 0;
  std::vector<std::string> from;  // an axis may be there twice
  for (const Tree& axis : derived->is_list() ? derived->list : std::vector<Tree>{*derived}) {
    if (!reader.expect_scalar(axis, "'derived'", help) || !reader.check_name(axis.scalar, axis.source, NameRule::kPlain)) return false;
    from.push_back(axis.scalar);
  }
  const bool fits = derived->is_scalar() ? rules == 1 : from.size() > 1 && rules == 0;
  if (!fits || value.find("length") || value.find("until") || value.find("within")) {
    reader.error("E0414", derived->source, what + ": expected one rule by which it is derived, and no length:, until: or within:", help);
    return false;
  }
  result.from = from;
  return true;
}

AxisDecl read_axis(const Tree& value, const std::string& key, SectionReader& reader) {
  AxisDecl result;
  const std::string what = "axis '" + key + "'";
  if (!reader.expect_keys(value, what, "write " + key + ": {}, or {within: t, length: EQUATION}")) return result;
  // A misspelt rule is not a missing one, too.
  const bool known = reader.known_keys(
      value, "an axis", {"within", "length", "until", "max", "beam", "length_penalty", "derived", "stride", "times", "start", "stop"});
  result.wrong = !known || !read_derived(value, what, reader, result.derived);
  if (const Tree* within = value.find("within")) {
    if (reader.expect_scalar(*within, "'within'", "name one axis: within: t") &&
        reader.check_name(within->scalar, within->source, NameRule::kPlain)) {
      result.within = within->scalar;
    }
  }
  read_lengths(value, key, reader, result);
  return result;
}

InputDecl read_input(const Tree& value, const std::string& key, SectionReader& reader) {
  InputDecl result;
  const std::string what = "input '" + key + "'";
  if (!reader.expect_keys(value, what, "write " + key + ": {shape: [features]}, or {axes: [t], shape: [], type: float}")) return result;
  reader.known_keys(value, "an input", {"axes", "shape", "type"});
  if (const Tree* axes = value.find("axes")) {
    result.has_axes = true;
    result.axes = reader.names(*axes, "'axes' of " + what, "write axes: [t, s]; [] for one value for each example");
  }
  if (const Tree* shape = value.find("shape")) result.shape = read_shape(*shape, "'shape' of " + what, reader);
  if (const Tree* type = value.find("type")) {
    result.type_source = type->source;
    if (type->is_scalar() && (type->scalar == "float" || type->scalar == "int" || type->scalar == "bool")) {
      result.type = type->scalar;
    } else {
      reader.error("E0121", type->source, "'type' of " + what + ": expected float, int or bool, found " + describe(*type),
                   "numbers are float, counts and tokens int");
    }
  }
  return result;
}

ParameterDecl read_parameter(const Tree& value, const std::string& key, SectionReader& reader) {
  ParameterDecl result;
  result.init_source = value.source;
  const std::string what = "parameter '" + key + "'";
  if (!value.is_map()) {
    result.shape = read_shape(value, what, reader);
    return result;
  }
  reader.known_keys(value, "a parameter", {"shape", "init"});
  if (const Tree* shape = value.find("shape")) {
    result.shape = read_shape(*shape, "'shape' of " + what, reader);
  } else {
    reader.error("E0116", value.source, what + " has no 'shape'", kShapeHelp);
  }
  if (const Tree* init = value.find("init")) read_init(*init, result, reader);
  return result;
}

StateDecl read_state(const Tree& value, const std::string& key, SectionReader& reader) {
  StateDecl result;
  if (!value.is_list()) {
    result.starts.push_back(read_start(value, key, reader));
    return result;
  }
  for (const Tree& item : value.list) {
    StateDecl::Start start = read_start(item, key, reader);
    const auto same = [&](const StateDecl::Start& other) { return other.along == start.along; };
    if (std::ranges::any_of(result.starts, same)) {
      reader.error("E0123", item.source, "'" + key + "' gets two starts along '" + start.along + "'",
                   "a list has one {along, init} for each axis; K starts for taps up to K are one value with K in front of its shape, "
                   "for numbers an option: {start: [0, 1]}");
      continue;
    }
    result.starts.push_back(std::move(start));
  }
  if (value.list.empty()) {
    reader.error("E0116", value.source, "the state of '" + key + "' is an empty list", "write " + key + ": EQUATION");
    result.starts.emplace_back();
    result.starts.back().source = value.source;
  }
  return result;
}

NodeDecl read_node(const Tree& value, const std::string& key, SectionReader& reader) {
  NodeDecl result;
  result.equation = value.is_map() ? long_form(value, key, reader, &result.axes) : reader.equation(value, "node '" + key + "'");
  return result;
}

std::vector<OutputDecl> read_outputs(const Tree& value, SectionReader& reader) {
  std::vector<OutputDecl> result;
  if (value.is_list() && value.list.empty()) {
    reader.error("E0116", value.source, "'outputs' is an empty list", "name at least one value: outputs: [h]");
  }
  const std::vector<std::string> names = reader.names(value, "'outputs'", "write outputs: [h]");
  for (const Tree& item : value.list) {
    const bool listed = std::ranges::find(names, item.scalar) != names.end();
    const auto same = [&](const OutputDecl& other) { return other.name == item.scalar; };
    if (item.is_scalar() && listed && std::ranges::none_of(result, same)) result.push_back({item.scalar, item.source});
  }
  return result;
}

namespace {

// NAME, or {mean: NAME, weights: NAME, times: NUMBER}, or {sum: NAME ..}.
void read_term(const Tree& tree, SectionReader& reader, std::vector<LossDecl>& terms) {
  LossDecl term;
  term.source = tree.source;
  const Tree* value = &tree;
  const std::string help = "write loss: NAME, loss: {mean: NAME, weights: NAME, times: 0.1}, {sum: NAME}, or a list of these";
  if (tree.is_map()) {
    reader.known_keys(tree, "a loss", {"mean", "sum", "weights", "times"});
    term.sum = tree.find("sum") != nullptr;
    value = tree.find(term.sum ? "sum" : "mean");
    if (!value || (term.sum && tree.find("mean"))) {
      return reader.error("E0116", tree.source, value ? "a loss has both 'mean' and 'sum'" : "a loss has neither 'mean' nor 'sum'", help);
    }
    if (const Tree* times = tree.find("times")) {
      term.times = reader.equation(*times, "'times'");
      if (!term.times) return;
    }
    if (const Tree* weights = tree.find("weights")) {
      if (!reader.expect_scalar(*weights, "'weights' of a loss", "name a value: weights: w")) return;
      if (!reader.check_name(weights->scalar, weights->source, NameRule::kDotted)) return;
      term.weights = weights->scalar;
      term.weights_source = weights->source;
    }
    term.source = value->source;
  }
  if (!reader.expect_scalar(*value, "a loss", help) || !reader.check_name(value->scalar, value->source, NameRule::kDotted)) return;
  term.name = value->scalar;
  terms.push_back(std::move(term));
}

}  // namespace

std::vector<LossDecl> read_loss(const Tree& value, SectionReader& reader) {
  std::vector<LossDecl> terms;
  if (!value.is_list()) {
    read_term(value, reader, terms);
    return terms;
  }
  for (const Tree& term : value.list) read_term(term, reader, terms);
  if (value.list.empty()) reader.error("E0116", value.source, "'loss' is an empty list", "name at least one value: loss: [e]");
  return terms;
}

}  // namespace tapeloop
