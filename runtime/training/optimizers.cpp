#include "runtime/training/optimizers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace tapeloop {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <class T>
class Sgd : public Optimizer<T> {
 public:
  Sgd(const OptimizerSpec& spec, std::size_t size)
      : momentum_(static_cast<T>(spec.setting("momentum"))), nesterov_(spec.setting("nesterov") != 0) {
    this->learning_rate = spec.setting("lr");
    if (momentum_ != 0) velocity_.assign(size, T{0});
  }

  void step(std::span<T> values, std::span<const T> gradient) override {
    ++this->steps_;
    const T rate = static_cast<T>(this->learning_rate);
    if (velocity_.empty()) {
      for (std::size_t i = 0; i < values.size(); ++i) values[i] -= rate * gradient[i];
      return;
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      velocity_[i] = momentum_ * velocity_[i] + gradient[i];
      values[i] -= rate * (nesterov_ ? gradient[i] + momentum_ * velocity_[i] : velocity_[i]);
    }
  }

  std::vector<typename Optimizer<T>::Slot> slots() override {
    if (velocity_.empty()) return {};
    return {{"velocity", velocity_}};
  }

 private:
  T momentum_;
  bool nesterov_;
  std::vector<T> velocity_;
};

template <class T>
class Adam : public Optimizer<T> {
 public:
  Adam(const OptimizerSpec& spec, std::size_t size)
      : beta1_(spec.setting("beta1")), beta2_(spec.setting("beta2")), epsilon_(spec.setting("epsilon")), m_(size), v_(size) {
    this->learning_rate = spec.setting("lr");
    if (spec.name == "adamw") decay_ = spec.setting("decay");
  }

  void step(std::span<T> values, std::span<const T> gradient) override {
    const double n = static_cast<double>(++this->steps_);
    const T rate = static_cast<T>(this->learning_rate / (1 - std::pow(beta1_, n)));
    const T unbias = static_cast<T>(1 / (1 - std::pow(beta2_, n)));
    const T part1 = static_cast<T>(1 - beta1_);
    const T part2 = static_cast<T>(1 - beta2_);
    const T epsilon = static_cast<T>(epsilon_);
    const T kept = static_cast<T>(1 - this->learning_rate * decay_);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const T g = gradient[i];
      m_[i] += part1 * (g - m_[i]);
      v_[i] += part2 * (g * g - v_[i]);
      values[i] = kept * values[i] - rate * m_[i] / (std::sqrt(v_[i] * unbias) + epsilon);
    }
  }

  std::vector<typename Optimizer<T>::Slot> slots() override { return {{"m", m_}, {"v", v_}}; }

 private:
  double beta1_, beta2_, epsilon_;
  double decay_ = 0;
  std::vector<T> m_, v_;
};

template <class T>
class RmsProp : public Optimizer<T> {
 public:
  RmsProp(const OptimizerSpec& spec, std::size_t size)
      : rho_(static_cast<T>(spec.setting("rho"))),
        epsilon_(static_cast<T>(spec.setting("epsilon"))),
        momentum_(static_cast<T>(spec.setting("momentum"))),
        v_(size),
        u_(size) {
    this->learning_rate = spec.setting("lr");
  }

  void step(std::span<T> values, std::span<const T> gradient) override {
    ++this->steps_;
    const T rate = static_cast<T>(this->learning_rate);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const T g = gradient[i];
      v_[i] += (1 - rho_) * (g * g - v_[i]);
      u_[i] = momentum_ * u_[i] + g / (std::sqrt(v_[i]) + epsilon_);
      values[i] -= rate * u_[i];
    }
  }

  std::vector<typename Optimizer<T>::Slot> slots() override { return {{"v", v_}, {"u", u_}}; }

 private:
  T rho_, epsilon_, momentum_;
  std::vector<T> v_, u_;
};

const OptimizerRule& rule_of(std::string_view name) {
  for (const OptimizerRule& rule : optimizer_rules()) {
    if (rule.name == name) return rule;
  }
  throw std::invalid_argument("no optimizer '" + std::string(name) + "'");
}

}  // namespace

const std::vector<OptimizerRule>& optimizer_rules() {
  static const std::vector<OptimizerRule> rules{
      {"sgd", {{"lr", 0.01, 0, kInfinity}, {"momentum", 0, 0, 1}, {"nesterov", 0, 0, 2}}},
      {"adam", {{"lr", 0.001, 0, kInfinity}, {"beta1", 0.9, 0, 1}, {"beta2", 0.999, 0, 1}, {"epsilon", 1e-8, 0, kInfinity}}},
      {"adamw",
       {{"lr", 0.001, 0, kInfinity},
        {"beta1", 0.9, 0, 1},
        {"beta2", 0.999, 0, 1},
        {"epsilon", 1e-8, 0, kInfinity},
        {"decay", 0.01, 0, kInfinity}}},
      {"rmsprop", {{"lr", 0.001, 0, kInfinity}, {"rho", 0.9, 0, 1}, {"epsilon", 1e-8, 0, kInfinity}, {"momentum", 0, 0, 1}}},
  };
  return rules;
}

double OptimizerSpec::setting(std::string_view key) const {
  for (const auto& [name_given, value] : settings) {
    if (name_given == key) return value;
  }
  for (const OptimizerSetting& setting : rule_of(name).settings) {
    if (setting.name == key) return setting.otherwise;
  }
  throw std::invalid_argument("optimizer '" + name + "' has no setting '" + std::string(key) + "'");
}

template <class T>
std::unique_ptr<Optimizer<T>> make_optimizer(const OptimizerSpec& spec, std::size_t size) {
  if (rule_of(spec.name).name == "sgd") return std::make_unique<Sgd<T>>(spec, size);
  if (spec.name == "rmsprop") return std::make_unique<RmsProp<T>>(spec, size);
  return std::make_unique<Adam<T>>(spec, size);
}

template <class T>
double gradient_norm(std::span<const T> gradient) {
  // Eight sums side by side, joined as a tree: the order is fixed, and no addition waits for the one before.
  std::array<double, 8> sums{};
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const double g = gradient[i];
    sums[i % 8] += g * g;
  }
  return std::sqrt(((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7])));
}

template <class T>
double clip_by_norm(std::span<T> gradient, double most) {
  const double norm = gradient_norm<T>(gradient);
  if (norm <= most || !std::isfinite(norm)) return norm;
  const T factor = static_cast<T>(most / norm);
  for (T& g : gradient) g *= factor;
  return norm;
}

template <class T>
void clip_by_value(std::span<T> gradient, double most) {
  const T bound = static_cast<T>(most);
  for (T& g : gradient) g = std::clamp(g, -bound, bound);
}

template std::unique_ptr<Optimizer<float>> make_optimizer<float>(const OptimizerSpec&, std::size_t);
template std::unique_ptr<Optimizer<double>> make_optimizer<double>(const OptimizerSpec&, std::size_t);
template double gradient_norm<float>(std::span<const float>);
template double gradient_norm<double>(std::span<const double>);
template double clip_by_norm<float>(std::span<float>, double);
template double clip_by_norm<double>(std::span<double>, double);
template void clip_by_value<float>(std::span<float>, double);
template void clip_by_value<double>(std::span<double>, double);

}  // namespace tapeloop
