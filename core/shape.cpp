#include "core/shape.h"

#include <algorithm>
#include <cstdlib>

namespace tapeloop {

Dim Dim::symbol(SizeId id) {
  Dim dim;
  dim.terms_.emplace_back(id, 1);
  return dim;
}

Dim Dim::operator+(const Dim& other) const {
  Dim sum = *this;
  sum.constant_ += other.constant_;
  for (const auto& [id, factor] : other.terms_) {
    const auto at =
        std::lower_bound(sum.terms_.begin(), sum.terms_.end(), id, [](const auto& term, SizeId key) { return term.first < key; });
    if (at != sum.terms_.end() && at->first == id) {
      at->second += factor;
      if (at->second == 0) sum.terms_.erase(at);
    } else {
      sum.terms_.insert(at, {id, factor});
    }
  }
  return sum;
}

Dim Dim::operator*(std::int64_t factor) const {
  Dim product;
  if (factor == 0) return product;
  product = *this;
  product.constant_ *= factor;
  for (auto& term : product.terms_) term.second *= factor;
  return product;
}

Dim Sizes::fresh(std::string name) {
  entries_.push_back({std::move(name), false, Dim()});
  return Dim::symbol(static_cast<SizeId>(entries_.size() - 1));
}

Dim Sizes::resolve(const Dim& dim) const {
  if (dim.is_number()) return dim;
  Dim result(dim.number());
  for (const auto& [id, factor] : dim.terms()) {
    const Entry& entry = entries_[static_cast<std::size_t>(id)];
    result = result + (entry.bound ? resolve(entry.value) : Dim::symbol(id)) * factor;
  }
  return result;
}

Shape Sizes::resolve(const Shape& shape) const {
  Shape result;
  result.reserve(shape.size());
  for (const Dim& dim : shape) result.push_back(resolve(dim));
  return result;
}

bool Sizes::unify(const Dim& a, const Dim& b) {
  const Dim left = resolve(a);
  const Dim right = resolve(b);
  if (left == right) return true;
  if (left.is_number() && right.is_number()) return false;
  const Dim difference = left + right * -1;  // == 0
  // Bind a size that occurs with factor 1 or -1; an unnamed one first, then the youngest.
  const std::pair<SizeId, std::int64_t>* best = nullptr;
  for (const auto& term : difference.terms()) {
    if (term.second != 1 && term.second != -1) continue;
    const bool unnamed = entries_[static_cast<std::size_t>(term.first)].name.empty();
    if (!best || unnamed || !entries_[static_cast<std::size_t>(best->first)].name.empty()) best = &term;
  }
  if (best) {
    const Dim rest = difference + Dim::symbol(best->first) * -best->second;
    return bind(best->first, rest * -best->second);
  }
  if (difference.terms().size() == 1) {  // k * size + c == 0
    const auto [id, factor] = difference.terms()[0];
    if (-difference.number() % factor != 0) return false;
    return bind(id, Dim(-difference.number() / factor));
  }
  return false;
}

bool Sizes::bind(SizeId id, const Dim& value) {
  if (value.is_number() && value.number() < 0) return false;
  entries_[static_cast<std::size_t>(id)].bound = true;
  entries_[static_cast<std::size_t>(id)].value = value;
  return true;
}

void Sizes::settle_unnamed() {
  for (std::size_t id = 0; id < entries_.size(); ++id) {
    if (entries_[id].name.empty() && !entries_[id].bound) bind(static_cast<SizeId>(id), Dim(1));
  }
}

std::string Sizes::text(const Dim& dim) const {
  const Dim resolved = resolve(dim);
  if (resolved.is_number()) return std::to_string(resolved.number());
  std::string text;
  for (const auto& [id, factor] : resolved.terms()) {
    const std::string& name = entries_[static_cast<std::size_t>(id)].name;
    if (factor < 0) text += "-";
    if (factor > 0 && !text.empty()) text += "+";
    if (factor != 1 && factor != -1) text += std::to_string(std::abs(factor)) + "*";
    text += name.empty() ? "_" : name;
  }
  if (resolved.number() != 0) text += (resolved.number() > 0 ? "+" : "") + std::to_string(resolved.number());
  return text;
}

std::string Sizes::text(const Shape& shape) const {
  std::string result = "[";
  for (std::size_t k = 0; k < shape.size(); ++k) result += (k ? ", " : "") + text(shape[k]);
  return result + "]";
}

std::int64_t elements(const Shape& shape) {
  std::int64_t product = 1;
  for (const Dim& dim : shape) product *= dim.number();
  return product;
}

bool is_known(const Shape& shape) {
  return std::all_of(shape.begin(), shape.end(), [](const Dim& dim) { return dim.is_number(); });
}

std::vector<std::int64_t> numbers(const Shape& shape) {
  std::vector<std::int64_t> result;
  for (const Dim& dim : shape) result.push_back(dim.number());
  return result;
}

}  // namespace tapeloop
