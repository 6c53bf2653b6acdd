// Rules that turn a gradient into a step of the parameters.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tapeloop {

// One optimizer for one block of parameters. A new rule is a subclass and a line in optimizer_rules(). step() allocates nothing.
template <class T>
class Optimizer {
 public:
  struct Slot {
    std::string name;  // "m": saved as opt/adam/m/PARAMETER
    std::span<T> values;
  };

  virtual ~Optimizer() = default;
  // values, gradient: [size], values updated in place.
  virtual void step(std::span<T> values, std::span<const T> gradient) = 0;
  // What it remembers of the steps so far, one number for each parameter's; none for plain sgd.
  virtual std::vector<Slot> slots() { return {}; }

  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }
  double learning_rate = 0;  // schedules write it

 protected:
  std::int64_t steps_ = 0;
};

struct OptimizerSetting {
  std::string name;
  double otherwise = 0;
  double least = 0;  // inclusive
  double below = 0;  // exclusive
};
struct OptimizerRule {
  std::string name;
  std::vector<OptimizerSetting> settings;  // "lr" first
};
//   sgd    v = momentum v + g;  p -= lr (v, or g + momentum v with nesterov = 1)         Sutskever et al. 2013
//   adam   m += (1 - beta1)(g - m);  v += (1 - beta2)(g^2 - v);                          Kingma & Ba 2015, alg. 1
//          p -= lr m / (1 - beta1^n) / (sqrt(v / (1 - beta2^n)) + epsilon), n = 1, 2 ..
//   adamw  adam, and p -= lr decay p                                                     Loshchilov & Hutter 2019, arXiv:1711.05101
//   rmsprop  v += (1 - rho)(g^2 - v);  u = momentum u + g / (sqrt(v) + epsilon);  p -= lr u   Tieleman & Hinton 2012, lecture 6e
const std::vector<OptimizerRule>& optimizer_rules();

struct OptimizerSpec {
  std::string name = "adam";
  std::vector<std::pair<std::string, double>> settings;  // what is not here takes the rule's default

  double setting(std::string_view key) const;  // REQUIRES: the rule has it
};

template <class T>
std::unique_ptr<Optimizer<T>> make_optimizer(const OptimizerSpec& spec, std::size_t size);  // size: of the block

// Euclidean length of the whole gradient, summed in double in a fixed order.
template <class T>
double gradient_norm(std::span<const T> gradient);
// Scales the gradient down so that its length is at most `most` (Pascanu et al. 2013). Returns the length before.
template <class T>
double clip_by_norm(std::span<T> gradient, double most);
// Every entry into [-most, most].
template <class T>
void clip_by_value(std::span<T> gradient, double most);

}  // namespace tapeloop
