// What a user declares: a system of recurrence equations between named values. Built by the YAML reader or the C++ API;
// `for` blocks and {...} names are still in it, expand writes them out.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/expression.h"
#include "core/mode.h"
#include "core/tree.h"

namespace tapeloop {

// A section is a list of entries and `for` blocks; a key may be a list "i, f, o" and may hold {...}.
template <class T>
struct SectionItem;
template <class T>
using Section = std::vector<SectionItem<T>>;

template <class T>
struct SectionItem {
  std::string key;  // of an entry; empty for a block
  Source source;    // of the key or of `for`
  T value{};
  std::vector<ForRange> ranges;  // of a block; empty for an entry
  Section<T> body;               // of a block

  bool is_block() const { return !ranges.empty(); }
};

// `wrong` in a declaration: parts of it could not be read, which is reported. What depends on it is not judged then.

// A number, a word (an activation, a cell) or a list of numbers.
struct OptionDecl {
  std::vector<ExpressionPtr> values;  // one, or the items of a list; a word is a kName
  bool is_list = false;
};

// An axis whose lengths follow from those of others: {derived: t, stride: 4}. The axis that an op like pool makes has this name,
// if it is derived alike.
struct DerivedDecl {
  std::vector<std::string> from;  // none: it is not; several: one after the other
  ExpressionPtr stride;           // of pool and window
  ExpressionPtr times;            // of upsample
  ExpressionPtr start, stop;      // of slice
  Source source;
};

// How long the runs of an axis are: what a value says, or until a value turns true. Neither: from the data.
struct LengthDecl {
  ExpressionPtr length;          // equation of an int value, or null
  ExpressionPtr until;           // equation of a value that is true or false, or null: the step at which it is true is the last
  ExpressionPtr most;            // with until: the largest number of positions
  ExpressionPtr beam;            // with until, or null (1): hypotheses of a beam search
  ExpressionPtr length_penalty;  // with beam, or null (0): how much longer ones are favoured
  Source until_source;
};

struct AxisDecl {
  std::string within;  // axis name or empty
  LengthDecl length;   // in modes that `of_mode` does not list
  std::vector<std::pair<Mode, LengthDecl>> of_mode;
  DerivedDecl derived;  // or as other axes make it
  bool wrong = false;

  const LengthDecl& length_in(Mode mode) const;  // eval takes train's unless it has its own
};

struct InputDecl {
  bool has_axes = false;  // else it lives on t
  std::vector<std::string> axes;
  std::vector<ExpressionPtr> shape;
  std::string type = "float";  // float, int or bool
  Source type_source;
  bool wrong = false;
};

struct ParameterDecl {
  std::vector<ExpressionPtr> shape;  // a kName "_" is found from use
  std::string init;                  // initialiser name, empty: by rank (glorot for matrices, else zeros)
  ExpressionPtr init_value;          // argument of constant, normal, uniform; may be null
  Source init_source;
  bool wrong = false;
};

struct StateDecl {
  struct Start {
    std::string along = "t";
    ExpressionPtr init;  // on both sides of the axis
    Source source;
    ExpressionPtr before, after;  // or one for each side; null: zeros
  };
  std::vector<Start> starts;
  bool wrong = false;
};

struct NodeDecl {
  ExpressionPtr equation;         // the long form is turned into a call by the reader
  std::vector<std::string> axes;  // `axes: [t, s]` of the long form: axes that the node has whatever it reads
  bool wrong = false;
};

struct OutputDecl {
  std::string name;  // may hold {...}
  Source source;
};

// times * the mean of a scalar value over its real positions, or its sum.
struct LossDecl {
  std::string name;     // may hold {...}
  std::string weights;  // of the positions, a value; may hold {...}; empty: all count alike
  ExpressionPtr times;  // null: 1
  bool sum = false;
  Source source;
  Source weights_source;
};

struct Container {
  std::string name;    // file stem or C++ name
  std::string folder;  // of the file; where inner containers are looked up; empty for built-in and C++ ones
  Source source;
  std::string doc;
  Section<OptionDecl> options;
  Section<std::string> use;  // op name -> file below the folder
  Section<AxisDecl> axes;    // empty: {t: {}}
  Section<InputDecl> inputs;
  Section<ParameterDecl> parameters;
  Section<StateDecl> states;
  Section<NodeDecl> nodes;
  std::vector<OutputDecl> outputs;
  std::vector<LossDecl> losses;  // summed
  std::optional<Tree> train;     // read by runtime/training; strict there
};

// A value for an option of the outermost container: `options.layers=5`.
struct Override {
  std::string key;    // "layers"
  std::string value;  // text as written
};

}  // namespace tapeloop
