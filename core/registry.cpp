#include <stdexcept>

#include "core/kind.h"

namespace tapeloop {

void Registry::add(NodeKind kind) {
  const std::string name(kind.name);
  if (!kind.symbol.empty()) symbols_[std::string(kind.symbol)] = name;
  kinds_.insert_or_assign(name, std::move(kind));
}

const NodeKind* Registry::find(std::string_view name) const {
  auto at = kinds_.find(name);
  if (at == kinds_.end()) {
    const auto symbol = symbols_.find(name);
    if (symbol != symbols_.end()) at = kinds_.find(symbol->second);
  }
  return at == kinds_.end() ? nullptr : &at->second;
}

const NodeKind& Registry::at(std::string_view name) const {
  const NodeKind* kind = find(name);
  if (!kind) throw std::logic_error("no node kind '" + std::string(name) + "'");
  return *kind;
}

std::vector<const NodeKind*> Registry::all() const {
  std::vector<const NodeKind*> result;
  for (const auto& [name, kind] : kinds_) result.push_back(&kind);
  return result;
}

void InferContext::fail(std::string what, std::string help_text) {
  if (failed()) return;
  message = std::move(what);
  help = std::move(help_text);
}

bool InferContext::same(const Dim& expected, const Dim& found, std::string_view what) {
  if (sizes.unify(expected, found)) return true;
  fail(std::string(what) + ": expected " + sizes.text(expected) + ", found " + sizes.text(found));
  return false;
}

bool broadcast(Shape& onto, const Shape& shape, Sizes& sizes) {
  if (shape.size() > onto.size()) onto.insert(onto.begin(), shape.size() - onto.size(), Dim(1));
  const std::size_t lead = onto.size() - shape.size();
  for (std::size_t k = 0; k < shape.size(); ++k) {
    Dim& have = onto[lead + k];
    const Dim a = sizes.resolve(have);
    const Dim b = sizes.resolve(shape[k]);
    const bool a_is_one = a.is_number() && a.number() == 1;
    const bool b_is_one = b.is_number() && b.number() == 1;
    if (a_is_one) {
      have = b;
    } else if (b_is_one) {
      have = a;
    } else if (sizes.unify(a, b)) {
      have = sizes.resolve(a);
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace tapeloop
