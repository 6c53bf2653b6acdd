#include "runtime/training/vocabulary.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "runtime/training/atomic_file.h"

namespace tapeloop {

Vocabulary::Vocabulary(bool mark, bool unknown, std::vector<std::string> tokens)
    : mark_(mark), unknown_(unknown), tokens_(std::move(tokens)) {
  for (std::size_t k = 0; k < tokens_.size(); ++k) ids_.emplace(tokens_[k], first() + k);
}

Vocabulary::Vocabulary(const std::map<std::string, std::int64_t>& counts, bool mark, const TokensSpec& spec)
    : mark_(mark), unknown_(spec.unknown) {
  std::vector<std::pair<std::int64_t, std::string>> order;
  for (const auto& [token, count] : counts) {
    if (count >= spec.least) order.emplace_back(-count, token);
  }
  std::sort(order.begin(), order.end());
  if (spec.most > 0 && order.size() > static_cast<std::size_t>(spec.most)) order.resize(static_cast<std::size_t>(spec.most));
  for (auto& [count, token] : order) {
    ids_.emplace(token, first() + tokens_.size());
    tokens_.push_back(std::move(token));
  }
}

std::optional<std::size_t> Vocabulary::id(const std::string& token) const {
  const auto at = ids_.find(token);
  if (at != ids_.end()) return at->second;
  return unknown_ ? std::optional<std::size_t>(mark_ ? 1 : 0) : std::nullopt;
}

std::string Vocabulary::text(std::size_t id) const {
  if (id >= first()) return tokens_[id - first()];
  return mark_ && id == 0 ? "<mark>" : "<unknown>";
}

std::string vocabularies_json(const Vocabularies& vocabularies) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [name, vocabulary] : vocabularies) {
    json[name] = {{"mark", vocabulary.has_mark()}, {"unknown", vocabulary.has_unknown()}, {"tokens", vocabulary.tokens()}};
  }
  constexpr auto kReplace = nlohmann::ordered_json::error_handler_t::replace;
  return json.dump(1, ' ', false, kReplace) + "\n";
}

Vocabularies parse_vocabularies(std::string_view text, const std::string& path) {
  Vocabularies result;
  try {
    const auto json = nlohmann::ordered_json::parse(text);
    for (const auto& [name, entry] : json.get<std::map<std::string, nlohmann::ordered_json>>()) {
      result.emplace(name, Vocabulary(entry.at("mark").get<bool>(), entry.at("unknown").get<bool>(),
                                      entry.at("tokens").get<std::vector<std::string>>()));
    }
  } catch (const nlohmann::ordered_json::exception& error) {
    throw FileError("E0907", path, std::string("is no list of vocabularies as a training writes it: ") + error.what());
  }
  return result;
}

}  // namespace tapeloop
