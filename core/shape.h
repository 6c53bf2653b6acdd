// Shapes of values: what stands behind the axes. A dimension is a number or, while a size is free, a sum of named sizes.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tapeloop {

using SizeId = std::int32_t;

// constant + sum of factor * size. Almost always just a constant.
class Dim {
 public:
  Dim(std::int64_t constant = 0) : constant_(constant) {}  // NOLINT(google-explicit-constructor): numbers are dimensions
  static Dim symbol(SizeId id);

  bool is_number() const { return terms_.empty(); }
  std::int64_t number() const { return constant_; }  // REQUIRES: is_number()
  bool is_symbol() const { return constant_ == 0 && terms_.size() == 1 && terms_[0].second == 1; }
  SizeId symbol_id() const { return terms_[0].first; }  // REQUIRES: is_symbol()
  const std::vector<std::pair<SizeId, std::int64_t>>& terms() const { return terms_; }

  Dim operator+(const Dim& other) const;
  Dim operator*(std::int64_t factor) const;
  bool operator==(const Dim&) const = default;

 private:
  std::int64_t constant_ = 0;
  std::vector<std::pair<SizeId, std::int64_t>> terms_;  // ascending ids, no zero factors
};

using Shape = std::vector<Dim>;

// The free sizes of a graph and what they turned out to be.
class Sizes {
 public:
  // A new size; the name is printed while it is free ("features"; "" for `_`).
  Dim fresh(std::string name);
  // With everything known put in.
  Dim resolve(const Dim& dim) const;
  Shape resolve(const Shape& shape) const;
  // Makes the two equal; false if they cannot be.
  bool unify(const Dim& a, const Dim& b);
  // Sizes without a name that nothing has bound, because every use fits any size, become 1.
  void settle_unnamed();
  // "256", "features", "3*units+1"; an unnamed free size prints as "_".
  std::string text(const Dim& dim) const;
  std::string text(const Shape& shape) const;  // "[features, 256]"

 private:
  bool bind(SizeId id, const Dim& value);

  struct Entry {
    std::string name;
    bool bound = false;
    Dim value;
  };
  std::vector<Entry> entries_;
};

// Product of the dimensions. REQUIRES: all are numbers.
std::int64_t elements(const Shape& shape);
bool is_known(const Shape& shape);
std::vector<std::int64_t> numbers(const Shape& shape);  // REQUIRES: is_known

}  // namespace tapeloop
