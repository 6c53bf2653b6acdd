#include "models/facade/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>

#include "core/codes.h"
#include "models/facade/built_in_models.h"
#include "models/facade/explanation_pages.h"

namespace tapeloop {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of('\n');
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of('\n') - begin + 1) + "\n";
}

// "A => B", \n for a line break.
struct Change {
  std::string from, to;
};

std::string unescaped(std::string text) {
  for (std::size_t at = text.find("\\n"); at != std::string::npos; at = text.find("\\n")) text.replace(at, 2, "\n");
  return text;
}

// One section of a page; what the lines of a page mean is said in models/explanations/README.md.
class SectionReader {
 public:
  explicit SectionReader(std::string code) { result_.code = std::move(code); }

  void take(const std::string& line) {
    if (line.starts_with("```")) return fence(line.substr(3));
    if (fenced_) {
      *fenced_ += line + "\n";
    } else if (line.starts_with("base: ")) {
      base_ = line.substr(6);
    } else if (line.starts_with("wrong: ")) {
      wrong_.push_back(change(line.substr(7)));
    } else if (line.starts_with("right: ")) {
      right_.push_back(change(line.substr(7)));
    } else {
      result_.text += line + "\n";
    }
  }

  Explanation finish() {
    if (!base_.empty()) begin_with_base();
    apply(result_.wrong, wrong_);
    if (result_.right.empty()) {
      result_.right = result_.base.empty() || !right_.empty() ? result_.wrong : text_of(result_.base);
      apply(result_.right, right_);
    }
    result_.text = trimmed(result_.text);
    result_.wrong = trimmed(result_.wrong);
    result_.right = trimmed(result_.right);
    return result_;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw std::logic_error("the page of " + result_.code + ": " + what); }

  Change change(const std::string& text) const {
    const std::size_t arrow = text.find(" =>");
    if (arrow == std::string::npos) fail("'" + text + "' is no change, A => B");
    const std::string to = text.substr(arrow + 3);
    return {unescaped(text.substr(0, arrow)), unescaped(to.empty() ? to : to.substr(1))};
  }

  void fence(const std::string& after) {
    if (std::exchange(fenced_, nullptr)) return;
    const std::size_t space = after.find(' ');
    const std::string kind = space == std::string::npos ? "" : after.substr(space + 1);
    if (kind != "model") result_.language = after.substr(0, space);
    fenced_ = kind == "wrong" ? &result_.wrong : kind == "right" ? &result_.right : kind == "model" ? &result_.model : nullptr;
    if (!fenced_) fail("an example is wrong, right or model");
  }

  void begin_with_base() {
    result_.language = "yaml";
    const std::string* bad = find_bad_model(base_);
    if (!bad) result_.base = base_;
    result_.wrong = bad ? *bad : text_of(base_);
  }

  static const std::string* find_bad_model(const std::string& name) {
    static const std::map<std::string, std::string> kModels = [] {
      std::map<std::string, std::string> models;
      for (const BadModelText& model : bad_model_texts()) {
        const std::string_view text = model.yaml.substr(model.yaml.find('\n') + 1);  // the first line is for the tests
        models.emplace(model.name, text);
      }
      return models;
    }();
    const auto found = kModels.find(name);
    return found == kModels.end() ? nullptr : &found->second;
  }

  std::string text_of(const std::string& name) const {
    for (const BuiltInModel& model : built_in_models()) {
      if (model.name == name) return std::string(model.yaml);
    }
    fail("no model '" + name + "'");
  }

  void apply(std::string& text, const std::vector<Change>& changes) const {
    for (const Change& change : changes) {
      const std::size_t at = text.find(change.from);
      if (at == std::string::npos) fail("there is no '" + change.from + "' to be changed");
      text.replace(at, change.from.size(), change.to);
    }
  }

  Explanation result_;
  std::string base_;
  std::vector<Change> wrong_, right_;
  std::string* fenced_ = nullptr;
};

std::map<std::string, Explanation> read_pages() {
  std::map<std::string, Explanation> result;
  for (const std::string_view page : explanation_pages()) {
    std::vector<SectionReader> sections;
    for (const std::string& line : lines_of(page)) {
      if (line.starts_with("## ")) {
        sections.emplace_back(line.substr(3));
      } else if (!sections.empty()) {
        sections.back().take(line);
      }
    }
    for (SectionReader& section : sections) {
      Explanation explanation = section.finish();
      const std::string code = explanation.code;
      if (!result.emplace(code, std::move(explanation)).second) throw std::logic_error("two pages of " + code);
    }
  }
  return result;
}

std::string indented(const std::vector<std::string>& lines, std::size_t begin, std::size_t end) {
  std::string text;
  for (std::size_t k = begin; k < end; ++k) text += lines[k].empty() ? "\n" : "    " + lines[k] + "\n";
  return text;
}

}  // namespace

const std::vector<Explanation>& explanations() {
  static const std::vector<Explanation> kAll = [] {
    std::map<std::string, Explanation> pages = read_pages();
    std::vector<Explanation> all;
    for (const Code& code : kCodes) {
      const auto found = pages.find(std::string(code.code));
      if (found == pages.end()) throw std::logic_error("no page of " + std::string(code.code));
      found->second.meaning = code.meaning;
      all.push_back(std::move(found->second));
      pages.erase(found);
    }
    if (!pages.empty()) throw std::logic_error("a page of " + pages.begin()->first + ", which is no code");
    return all;
  }();
  return kAll;
}

const Explanation* find_explanation(std::string_view code) {
  for (const Explanation& explanation : explanations()) {
    if (explanation.code == code) return &explanation;
  }
  return nullptr;
}

std::string explanation_page(const Explanation& explanation) {
  const std::vector<std::string> wrong = lines_of(explanation.wrong), right = lines_of(explanation.right);
  std::size_t before = 0, behind = 0;
  const std::size_t most = std::min(wrong.size(), right.size());
  if (!explanation.base.empty()) {
    while (before < most && wrong[before] == right[before]) ++before;
    while (behind < most - before && wrong[wrong.size() - 1 - behind] == right[right.size() - 1 - behind]) ++behind;
  }
  const std::string where = explanation.base.empty() ? "" : fmt::format(", in {}.yaml", explanation.base);
  std::string text = fmt::format("{}: {}\n\n{}\n", explanation.code, explanation.meaning, explanation.text);
  if (!explanation.model.empty()) text += "model:\n" + indented(lines_of(explanation.model), 0, lines_of(explanation.model).size());
  text += fmt::format("wrong{}:\n{}", where, indented(wrong, before, wrong.size() - behind));
  return text + fmt::format("right{}:\n{}", where, indented(right, before, right.size() - behind));
}

}  // namespace tapeloop
