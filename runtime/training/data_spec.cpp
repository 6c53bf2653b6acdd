#include "runtime/training/data_spec.h"

#include <algorithm>
#include <limits>

#include "runtime/training/file_below.h"
#include "runtime/training/tree_reader.h"

namespace tapeloop {
namespace {

constexpr std::int64_t kMany = std::int64_t{1} << 40;

const std::vector<std::string> kScalings{"sqrt", "standard", "minmax"};
const std::vector<std::string> kReadings{"number", "id", "one_hot"};
const std::vector<std::string> kSplitNames{"train", "validation", "test"};
const std::vector<std::string> kFormats{"csv", "tsv", "lines", "json_lines", "npy", "idx"};

// By the file's ending, a last .gz aside.
DataFormat format_of(std::string name) {
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  if (name.ends_with(".tsv")) return DataFormat::kTsv;
  if (name.ends_with(".txt")) return DataFormat::kLines;
  if (name.ends_with(".jsonl")) return DataFormat::kJsonLines;
  if (name.ends_with(".npy")) return DataFormat::kNpy;
  return name.ends_with("-ubyte") ? DataFormat::kIdx : DataFormat::kCsv;
}

bool is_table(DataFormat format) { return format == DataFormat::kCsv || format == DataFormat::kTsv; }

class Reader {
 public:
  Reader(const Tree& tree, const DataPlaces& places, Diagnostics& diagnostics)
      : tree_(tree), map_(tree, "train.data", diagnostics), places_(places), diagnostics_(diagnostics) {}

  DataSpec read() {
    map_.allow({"file", "files", "format", "delimiter", "header", "examples", "group", "window", "axis", "scale", "tokens", "repeated",
                "sets", "inputs", "split"});
    data_.source = tree_.source;
    read_files();
    read_format();
    if (const Tree* group = map_.find("group")) data_.group = read_name(*group, "train.data.group", diagnostics_);
    data_.window = map_.whole("window", 1, kMany).value_or(0);
    data_.axis = map_.text("axis").value_or(data_.axis);
    if (const Tree* scale = map_.find("scale")) read_scale(*scale);
    if (const Tree* tokens = map_.find("tokens")) read_tokens(*tokens);
    if (const Tree* repeated = map_.find("repeated")) read_repeated(*repeated);
    if (const Tree* sets = map_.find("sets")) read_sets(*sets);
    if (const Tree* inputs = map_.require("inputs")) {
      const MapReader check(*inputs, "train.data.inputs", diagnostics_);
      for (const Tree::Entry& entry : inputs->map) data_.inputs.push_back(read_input(entry));
    }
    if (const Tree* split = map_.find("split")) read_split(*split);
    for (const char* key : data_.records ? std::array{"group", "window", "axis"} : std::array{"tokens", "repeated", "sets"}) {
      if (map_.has(key)) contradict(map_.find(key)->source, std::string("train.data.") + key);
    }
    return std::move(data_);
  }

 private:
  void contradict(const Source& source, const std::string& key) {
    const char* other = data_.records ? "records" : "series";
    diagnostics_.error("E0808", source, key + " has no meaning for examples: " + other,
                       data_.records ? "" : "write examples: records, if each row is an example");
  }

  void read_files() {
    if (tree_.is_map() && map_.has("file") == map_.has("files")) {
      diagnostics_.error("E0804", tree_.source, "train.data needs exactly one of the keys 'file' and 'files'");
      return;
    }
    if (const Tree* file = map_.find("file")) {
      data_.parts.push_back({"", {}});
      add_file(*file, "train.data.file", {});
    }
    const Tree* files = map_.find("files");
    if (!files) return;
    data_.several = true;
    const MapReader check(*files, "train.data.files", diagnostics_);
    if (files->is_map() && files->map.empty()) diagnostics_.error("E0802", files->source, "train.data.files: the map is empty");
    for (const Tree::Entry& part : files->map) {
      data_.parts.push_back({part.key, {}});
      const std::string path = "train.data.files." + part.key;
      if (!part.value.is_map()) add_file(part.value, path, {});
      for (const Tree::Entry& array : part.value.map) add_file(array.value, path + "." + array.key, {array.key, array.source});
    }
  }

  void add_file(const Tree& tree, const std::string& path, NamedAt column) {
    DataFile file;
    file.column = std::move(column);
    file.file = read_name(tree, path, diagnostics_);
    if (!file.file.name.empty()) find_data_file(file, places_, diagnostics_);
    data_.parts.back().files.push_back(std::move(file));
  }

  void read_format() {
    const auto named = map_.word("format", kFormats);
    bool first = true;
    for (const DataPart& part : data_.parts) {
      for (const DataFile& file : part.files) {
        const DataFormat format = named ? static_cast<DataFormat>(*named) : format_of(file.file.name);
        if (first) data_.format = format;
        first = false;
        if (format != data_.format) {
          diagnostics_.error(
              "E0808", file.file.source,
              "train.data.files are of several formats: " + file.file.name + " is no " + kFormats[static_cast<std::size_t>(data_.format)],
              "files of one set have one format; `format:` names it");
        }
        const bool array = format == DataFormat::kNpy || format == DataFormat::kIdx;
        if (array == file.column.name.empty()) {
          diagnostics_.error("E0808", file.file.source,
                             array ? "an array needs the name of the column that it is" : "only arrays are read side by side",
                             "write files: {all: {x: x.npy}} for arrays, files: {all: all.txt} for others");
        }
      }
    }
    if (const auto at = map_.word("delimiter", {"comma", "semicolon", "tab"})) data_.delimiter = ",;\t"[*at];
    if (data_.format == DataFormat::kTsv) data_.delimiter = '\t';
    if (const Tree* header = map_.find("header")) {
      for (const NamedAt& name : read_names(*header, "train.data.header", diagnostics_)) data_.header.push_back(name.name);
    }
    for (const char* key : {"delimiter", "header"}) {
      if (map_.has(key) && !is_table(data_.format)) {
        diagnostics_.error("E0808", map_.find(key)->source, std::string("train.data.") + key + " has a meaning for csv and tsv files only");
      }
    }
    const auto examples = map_.word("examples", {"series", "records"});
    data_.records = examples ? *examples == 1 : !is_table(data_.format);
    if (!data_.records && !is_table(data_.format)) {
      diagnostics_.error("E0808", map_.find("examples")->source, "train.data: only the rows of csv and tsv files can be series");
    }
    if (!data_.records && data_.several) {
      diagnostics_.error("E0808", map_.find("files")->source, "train.data.files has no meaning for series", "name one file");
    }
  }

  void read_scale(const Tree& tree) {
    const MapReader check(tree, "train.data.scale", diagnostics_);
    for (const Tree::Entry& entry : tree.map) {
      const std::string path = "train.data.scale." + entry.key;
      ColumnScale scale{{entry.key, entry.source}, {}};
      for (const Tree* item : read_list(entry.value, path, diagnostics_)) {
        if (const auto at = read_word(*item, path, kScalings, diagnostics_)) scale.steps.push_back(static_cast<Scaling>(*at));
      }
      data_.scale.push_back(std::move(scale));
    }
  }

  void read_tokens(const Tree& tree) {
    const MapReader check(tree, "train.data.tokens", diagnostics_);
    for (const Tree::Entry& entry : tree.map) {
      MapReader map(entry.value, "train.data.tokens." + entry.key, diagnostics_);
      map.allow({"least", "most", "unknown"});
      TokensSpec tokens;
      tokens.name = {entry.key, entry.source};
      tokens.least = map.whole("least", 1, kMany).value_or(1);
      tokens.most = map.whole("most", 1, kMany).value_or(0);
      const bool some = tokens.least > 1 || tokens.most > 0;
      tokens.unknown = map.flag("unknown").value_or(some);
      if (some && !tokens.unknown) {
        diagnostics_.error("E0808", entry.source, "train.data.tokens." + entry.key + " leaves tokens out, so it needs unknown: true");
      }
      data_.tokens.push_back(std::move(tokens));
    }
  }

  void read_repeated(const Tree& tree) {
    MapReader map(tree, "train.data.repeated", diagnostics_);
    map.allow({"column", "keep"});
    RepeatedSpec repeated;
    if (const Tree* column = map.require("column")) repeated.column = read_name(*column, "train.data.repeated.column", diagnostics_);
    map.require("keep");
    repeated.keep_first = map.word("keep", {"none", "first"}).value_or(0) == 1;
    data_.repeated = repeated;
  }

  void read_sets(const Tree& tree) {
    MapReader map(tree, "train.data.sets", diagnostics_);
    map.allow({"along", "same", "train", "validation", "test"});
    SetsSpec sets;
    if (const Tree* along = map.require("along")) sets.along = read_name(*along, "train.data.sets.along", diagnostics_);
    if (const Tree* same = map.find("same")) sets.same = read_name(*same, "train.data.sets.same", diagnostics_);
    map.require("train");
    for (std::size_t k = 0; k < kSplitNames.size(); ++k) {
      const Tree* cuts = map.find(kSplitNames[k]);
      if (!cuts) continue;
      MapReader of(*cuts, "train.data.sets." + kSplitNames[k], diagnostics_);
      of.allow({"sizes", "shuffles"});
      sets.cuts[k].source = cuts->source;
      sets.cuts[k].shuffles = of.whole("shuffles", 1, kMany).value_or(1);
      const Tree* sizes = of.require("sizes");
      if (!sizes) continue;
      for (const Tree* size : read_list(*sizes, of.path("sizes"), diagnostics_)) {
        sets.cuts[k].sizes.push_back(read_whole(*size, of.path("sizes"), 1, kMany, diagnostics_).value_or(1));
      }
    }
    data_.sets = std::move(sets);
  }

  DataInput read_input(const Tree::Entry& entry) {
    const std::string path = "train.data.inputs." + entry.key;
    MapReader map(entry.value, path, diagnostics_);
    map.allow({"columns", "column", "as", "at", "mask", "along", "tokens", "marks", "empty", "alternatives"});
    DataInput input;
    input.input = {entry.key, entry.source};
    input.mask = map.flag("mask").value_or(false);
    const int sources = map.has("columns") + map.has("column") + input.mask;
    if (entry.value.is_map() && sources != 1) {
      diagnostics_.error("E0808", entry.source, path + " needs exactly one of columns, column and mask: true");
    }
    if (const Tree* columns = map.find("columns")) input.columns = read_names(*columns, path + ".columns", diagnostics_);
    if (const Tree* column = map.find("column")) input.columns = {read_name(*column, path + ".column", diagnostics_)};
    input.as = static_cast<ReadAs>(map.word("as", kReadings).value_or(0));
    input.scalar = input.mask || (map.has("column") && input.as != ReadAs::kOneHot);
    input.next = map.word("at", {"window", "next"}).value_or(0) == 1;
    for (const char* key : {"at", "mask"}) {
      if (data_.records && map.has(key)) contradict(map.find(key)->source, map.path(key));
    }
    for (const char* key : {"along", "tokens", "marks", "empty", "alternatives"}) {
      if (!data_.records && map.has(key)) contradict(map.find(key)->source, map.path(key));
    }
    read_sequence(map, input);
    return input;
  }

  // How a cell becomes a sequence.
  void read_sequence(MapReader& map, DataInput& input) {
    if (const Tree* along = map.find("along")) {
      const MapReader check(*along, map.path("along"), diagnostics_);
      for (const Tree::Entry& cut : along->map) input.along.push_back(read_cut(cut, map.path("along")));
      if (map.has("columns") || map.has("as")) {
        diagnostics_.error("E0808", along->source, map.path("along") + " is for one column of numbers or tokens",
                           "write column: NAME, without as:");
      }
    }
    if (const Tree* tokens = map.find("tokens")) input.tokens = read_name(*tokens, map.path("tokens"), diagnostics_);
    input.empty = map.text("empty").value_or("");
    if (const Tree* marks = map.find("marks")) {
      for (const NamedAt& mark : read_names(*marks, map.path("marks"), diagnostics_)) {
        (mark.name == "begin" ? input.begins : input.ends) = true;
        if (mark.name == "begin" || mark.name == "end") continue;
        diagnostics_.error("E0805", mark.source, map.path("marks") + ": '" + mark.name + "' is not known here", "one of begin, end");
      }
    }
    input.alternatives = map.text("alternatives").value_or("");
    if (map.has("alternatives") && input.alternatives.empty()) {
      diagnostics_.error("E0805", map.find("alternatives")->source,
                         map.path("alternatives") + ": expected what parts the answers, such as \" | \"");
    }
    if (map.has("alternatives") && data_.sets) {
      diagnostics_.error("E0808", map.find("alternatives")->source,
                         map.path("alternatives") + " has no meaning for sets: an answer is that of one record");
    }
    for (const char* key : {"marks", "empty", "alternatives"}) {
      if (map.has(key) && (input.tokens.name.empty() || input.along.empty())) {
        diagnostics_.error("E0808", map.find(key)->source, map.path(key) + " needs along: {AXIS: ..} and tokens: NAME");
      }
    }
  }

  Cut read_cut(const Tree::Entry& entry, const std::string& path) {
    Cut cut{{entry.key, entry.source}, "items", 0};
    if (!entry.value.is_map()) {
      cut.by = read_text(entry.value, path + "." + entry.key, diagnostics_).value_or(cut.by);
      return cut;
    }
    MapReader map(entry.value, path + "." + entry.key, diagnostics_);
    map.allow({"by", "most"});
    map.require("by");
    cut.by = map.text("by").value_or(cut.by);
    cut.most = map.whole("most", 1, kMany).value_or(0);
    return cut;
  }

  void read_split(const Tree& tree) {
    MapReader map(tree, "train.data.split", diagnostics_);
    map.allow({"column", "hash", "modulo", "train", "validation", "test"});
    SplitSpec& split = data_.split;
    split.given = true;
    if (const Tree* column = map.find("column")) split.column = read_name(*column, "train.data.split.column", diagnostics_);
    if (const Tree* hash = map.find("hash")) {
      split.column = read_name(*hash, "train.data.split.hash", diagnostics_);
      map.require("modulo");
    }
    split.modulo = map.whole("modulo", 2, std::int64_t{1} << 31).value_or(0);
    if (map.has("column") && (map.has("hash") || map.has("modulo"))) {
      diagnostics_.error("E0808", tree.source, "train.data.split has a column, and a hash or a modulo", "leave one of them out");
    }
    map.require("train");
    for (std::size_t k = 0; k < kSplitNames.size(); ++k) {
      const Tree* part = map.find(kSplitNames[k]);
      if (!part) continue;
      const std::string path = "train.data.split." + kSplitNames[k];
      for (const Tree::Entry& entry : part->map) read_range(entry.value, path + "." + entry.key, {entry.key, entry.source}, k);
      if (part->is_map()) continue;
      if (split.column.name.empty()) {
        diagnostics_.error("E0804", tree.source, "train.data.split needs the key 'column' or 'hash'",
                           "or write {COLUMN: ..} for each split");
      }
      read_range(*part, path, {}, k);
    }
  }

  // [first, last], or one word for both.
  void read_range(const Tree& tree, const std::string& path, NamedAt column, std::size_t split) {
    SplitRange range{std::move(column), {}, {}, tree.source};
    if (tree.is_scalar()) {
      range.first = range.last = read_name(tree, path, diagnostics_).name;
    } else {
      const std::vector<const Tree*> ends = read_list(tree, path, diagnostics_);
      if (tree.is_list() && ends.size() != 2) {
        diagnostics_.error("E0802", tree.source, path + ": expected [first, last], found " + std::to_string(ends.size()) + " values");
      }
      if (ends.size() == 2) {
        range.first = read_name(*ends[0], path, diagnostics_).name;
        range.last = read_name(*ends[1], path, diagnostics_).name;
      }
    }
    data_.split.ranges[split].push_back(std::move(range));
  }

  const Tree& tree_;
  MapReader map_;
  const DataPlaces& places_;
  Diagnostics& diagnostics_;
  DataSpec data_;
};

}  // namespace

const char* split_name(Split split) { return kSplitNames[static_cast<std::size_t>(split)].c_str(); }

void find_data_file(DataFile& data, const DataPlaces& places, Diagnostics& diagnostics) {
  const NamedAt& file = data.file;
  const FileBelow found = find_below(file.name, places.folders);
  data.path = found.path;
  if (!found.path.empty()) return;
  if (found.leads_out) {
    diagnostics.error("E0901", file.source, "train.data: '" + file.name + "' leads out of the model's folder",
                      "put the file beside the model, or a folder below it");
    return;
  }
  for (const BuiltInData& known : places.built_in) {
    if (known.name != file.name) continue;
    data.text = known.text;
    return;
  }
  std::string where;
  for (const std::string& folder : places.folders) where += (folder.empty() ? std::string(".") : folder) + " or ";
  where += "among the data that come with Tapeloop";
  const std::size_t slash = file.name.find('/');
  diagnostics.error("E0806", file.source, "train.data: there is no '" + file.name + "' in " + where,
                    slash != std::string::npos ? "tools/get_data " + file.name.substr(0, slash) + " brings it, if it is one of its sets"
                                               : "the path is relative to the folder of the model");
}

DataSpec read_data_spec(const Tree& data, const DataPlaces& places, Diagnostics& diagnostics) {
  return Reader(data, places, diagnostics).read();
}

}  // namespace tapeloop
