// Tokens and their numbers.
//
//   0            the mark that begins and ends a sequence, if an input of the vocabulary has marks. A tap reads 0 before the start, so
//                token_tm1 of a sequence that ends with the mark begins with it
//   then         the unknown token, if the specification says so: every token that is none of the others
//   then         the tokens of the training split, the most frequent first, of equals in the order of their bytes
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/training/data_spec.h"

namespace tapeloop {

class Vocabulary {
 public:
  Vocabulary() = default;
  Vocabulary(bool mark, bool unknown, std::vector<std::string> tokens);
  // By how often each token is in the training split.
  Vocabulary(const std::map<std::string, std::int64_t>& counts, bool mark, const TokensSpec& spec);

  std::size_t size() const { return tokens_.size() + first(); }
  // The unknown token's, if there is one, for a token that is not there; else nothing.
  std::optional<std::size_t> id(const std::string& token) const;
  // What stands for the id: "<mark>", "<unknown>" or the token. REQUIRES: id < size()
  std::string text(std::size_t id) const;

  // REQUIRES: id is one of a vocabulary with the token.
  bool is_mark(std::int64_t id) const { return mark_ && id == 0; }
  bool is_unknown(std::int64_t id) const { return unknown_ && id == (mark_ ? 1 : 0); }

  bool has_mark() const { return mark_; }
  bool has_unknown() const { return unknown_; }
  const std::vector<std::string>& tokens() const { return tokens_; }
  bool operator==(const Vocabulary& other) const = default;

 private:
  std::size_t first() const { return (mark_ ? 1U : 0U) + (unknown_ ? 1U : 0U); }

  bool mark_ = false;
  bool unknown_ = false;
  std::vector<std::string> tokens_;
  std::map<std::string, std::size_t> ids_;
};

using TokenIds = std::vector<std::int64_t>;

using Vocabularies = std::map<std::string, Vocabulary>;

// {"letters": {"mark": true, "unknown": false, "tokens": ["a", "e"]}}
std::string vocabularies_json(const Vocabularies& vocabularies);
// Throws FileError E0907 for text that is something else; `path` is for the message.
Vocabularies parse_vocabularies(std::string_view json, const std::string& path);

}  // namespace tapeloop
