#include "compiler/frontend/container_reader.h"

#include <algorithm>
#include <memory>

#include "compiler/frontend/section_reader.h"
#include "compiler/frontend/yaml_reader.h"

namespace tapeloop {
namespace {

const std::vector<std::string> kSections = {"tapeloop",   "doc",    "options", "use",     "axes", "inputs",
                                            "parameters", "states", "nodes",   "outputs", "loss", "train"};

std::string stem(const std::string& file_name) {
  const std::size_t slash = file_name.find_last_of('/');
  const std::string base = slash == std::string::npos ? file_name : file_name.substr(slash + 1);
  const std::size_t dot = base.find_last_of('.');
  return dot == std::string::npos || dot == 0 ? base : base.substr(0, dot);
}

// With every run of blanks one blank: a doc over several lines is one paragraph.
std::string paragraph(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!blank) result += c;
    if (blank && !result.empty() && result.back() != ' ') result += ' ';
  }
  while (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

// `tapeloop: 1`. False if this is no container, or one of another version: nothing else can be said about it then.
bool check_version(const Tree& root, SectionReader& reader) {
  const Tree* version = root.find("tapeloop");
  if (!version) {
    const std::string found = root.map.empty() ? "" : ", found '" + root.map[0].key + "'";
    reader.error("E0112", root.source, "a container says which language it is written in: expected the key 'tapeloop'" + found,
                 "add the line 'tapeloop: 1'");
    return false;
  }
  if (version->is_scalar() && version->scalar == "1") return true;
  reader.error("E0113", version->source, "expected 'tapeloop: 1', found " + describe(*version),
               "this program reads version 1 of the language");
  return false;
}

// False if what a section declares is missing: expand would then only report what follows from that.
bool check_sections(const Tree& root, SectionReader& reader) {
  reader.known_keys(root, "a container", kSections);
  std::vector<std::string> meant;  // sections under another name, perhaps
  bool usable = true;
  for (const Tree::Entry& entry : root.map) {
    if (std::ranges::find(kSections, entry.key) != kSections.end()) continue;
    usable &= entry.value.is_scalar();
    for (const std::string& section : kSections) {
      if (!did_you_mean(entry.key, {section}).empty()) meant.push_back(section);
    }
  }
  for (const std::string key : {"nodes", "outputs"}) {
    if (root.find(key) || std::ranges::find(meant, key) != meant.end()) continue;
    reader.error("E0116", root.source, "a container has " + key + ": the key '" + key + "' is missing",
                 key == "nodes" ? "add nodes: {h: EQUATION}" : "add outputs: [NAME]");
  }
  return usable && meant.empty() && root.find("nodes");
}

std::optional<Container> read(const Tree& root, const std::string& file_name, const std::string& folder, SectionReader& reader) {
  if (!root.is_map()) {
    reader.error("E0115", root.source, "a container is a map of sections, found " + describe(root), "begin with 'tapeloop: 1'");
    return std::nullopt;
  }
  if (!check_version(root, reader)) return std::nullopt;
  bool usable = check_sections(root, reader);
  Container container;
  container.name = stem(file_name);
  container.folder = folder;
  container.source = root.source;
  if (const Tree* doc = root.find("doc"); doc && reader.expect_scalar(*doc, "'doc'")) container.doc = paragraph(doc->scalar);
  container.options = reader.section<OptionDecl>(root.find("options"), "options", NameRule::kPlain, read_option);
  container.use = reader.section<std::string>(root.find("use"), "use", NameRule::kPlain, read_use);
  container.axes = reader.section<AxisDecl>(root.find("axes"), "axes", NameRule::kPlain, read_axis);
  container.inputs = reader.section<InputDecl>(root.find("inputs"), "inputs", NameRule::kPlain, read_input);
  container.parameters = reader.section<ParameterDecl>(root.find("parameters"), "parameters", NameRule::kPlain, read_parameter);
  container.states = reader.section<StateDecl>(root.find("states"), "states", NameRule::kDotted, read_state);
  container.nodes = reader.section<NodeDecl>(root.find("nodes"), "nodes", NameRule::kPlain, read_node);
  usable &= reader.left_out() == 0;
  if (const Tree* outputs = root.find("outputs")) container.outputs = read_outputs(*outputs, reader);
  if (const Tree* loss = root.find("loss")) container.losses = read_loss(*loss, reader);
  if (const Tree* train = root.find("train")) container.train = *train;
  if (!usable) return std::nullopt;
  return container;
}

}  // namespace

std::optional<Container> read_container(std::string_view text, const std::string& file_name, const std::string& folder,
                                        Diagnostics& diagnostics) {
  const std::optional<Tree> root = read_yaml(text, std::make_shared<const std::string>(file_name), diagnostics);
  if (!root) return std::nullopt;
  SectionReader reader(diagnostics);
  return read(*root, file_name, folder, reader);
}

}  // namespace tapeloop
