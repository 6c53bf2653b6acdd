#include "nodes/record.h"

#include <cstring>
#include <stdexcept>
#include <string>

#include "nodes/point_table.h"

namespace tapeloop::kinds {

PointKernel vector_kernel(std::string_view name) {
  for (const PointEntry* entry = point_table(); entry->name; ++entry) {
    if (name == entry->name) return {entry->f32, entry->f64, nullptr, nullptr};
  }
  throw std::logic_error("no body for the point kind '" + std::string(name) + "'");
}

std::int64_t elements_of(const std::vector<std::int64_t>& dims) {
  std::int64_t product = 1;
  for (const std::int64_t dim : dims) product *= dim;
  return product;
}

Rows rows_of(const std::vector<std::int64_t>& dims) {
  Rows rows;
  if (dims.empty()) return rows;
  rows.width = dims.back();
  for (std::size_t k = 0; k + 1 < dims.size(); ++k) rows.count *= dims[k];
  return rows;
}

Type type_of_all(const InferContext& c) {
  for (const Type type : c.types) {
    if (type == Type::kFloat) return Type::kFloat;
  }
  return Type::kInt;
}

std::vector<Example> point_examples(int operands, double low, double high) {
  const std::vector<std::vector<std::int64_t>> shapes = {{}, {5}, {17}, {3, 4}};
  std::vector<Example> examples;
  const auto add = [&](std::vector<std::vector<std::int64_t>> of) {
    Example example;
    example.operands = std::move(of);
    example.low = low;
    example.high = high;
    examples.push_back(std::move(example));
  };
  const auto count = static_cast<std::size_t>(operands);
  for (const auto& shape : shapes) add(std::vector(count, shape));
  for (std::size_t k = 0; count > 1 && k < count; ++k) {  // operand k is the small one, then the large one
    std::vector<std::vector<std::int64_t>> small(count, {3, 4});
    small[k] = {4};
    add(small);
    small[k] = {3, 1};
    add(small);
    std::vector<std::vector<std::int64_t>> large(count, std::vector<std::int64_t>{});
    large[k] = {6};
    add(large);
  }
  return examples;
}

Example example(std::vector<std::vector<std::int64_t>> operands, Attributes attributes, std::vector<std::int64_t> int_below) {
  Example result;
  result.operands = std::move(operands);
  result.attributes = std::move(attributes);
  result.int_below = std::move(int_below);
  return result;
}

AttributeValue size_option(const Sizes& sizes, const Dim& dim) {
  const Dim resolved = sizes.resolve(dim);
  if (resolved.is_number()) return static_cast<double>(resolved.number());
  return sizes.text(resolved);
}

Term reshaped(AdjointBuilder& d, Term value, const Shape& shape) {
  const Shape wanted = d.builder().graph().sizes.resolve(shape);
  Attributes attributes;
  if (is_known(wanted)) {
    std::vector<double> dims;
    for (const Dim& dim : wanted) dims.push_back(static_cast<double>(dim.number()));
    attributes = {{"shape", dims}};
  }
  return d.builder().shaped("reshape", {value}, value.space(), wanted, std::move(attributes));
}

OptionSpec option(std::string_view name, OptionSpec::Type type, std::string_view doc) {
  OptionSpec spec;
  spec.name = name;
  spec.type = type;
  spec.doc = doc;
  return spec;
}

OptionSpec option(std::string_view name, OptionSpec::Type type, AttributeValue otherwise, std::string_view doc) {
  OptionSpec spec = option(name, type, doc);
  spec.otherwise = std::move(otherwise);
  return spec;
}

OptionSpec from(double least, OptionSpec spec) {
  spec.least = least;
  return spec;
}

OptionSpec between(double least, double most, OptionSpec spec) {
  spec.least = least;
  spec.most = most;
  return spec;
}

OptionSpec below(double least, double most, OptionSpec spec) {
  spec.below = true;
  return between(least, most, std::move(spec));
}

OptionSpec per_option() {
  OptionSpec spec = option("per", OptionSpec::Type::kWord, std::string("step"), "a new draw at each step, or one for each sequence");
  spec.words = {"step", "sequence"};
  return spec;
}

}  // namespace tapeloop::kinds
