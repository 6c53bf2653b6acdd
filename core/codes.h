// Every code that a diagnostic may have, in one list; a test holds it and the sources to each other.
//   E01xx reading YAML and its keys      E02xx equations      E03xx names, options, inner containers   E04xx axes and starts
//   E05xx shapes and types               E06xx cycles         E07xx feeds and data                     E08xx train:
//   E09xx files                          W is a warning with the same hundreds
#pragma once

#include <string_view>

namespace tapeloop {

struct Code {
  std::string_view code;
  std::string_view meaning;  // one line
};

inline constexpr Code kCodes[] = {
    {"E0101", "the file is not UTF-8 text"},
    {"E0102", "the file is larger than 1 MiB"},
    {"E0103", "YAML nested deeper than 64 levels"},
    {"E0104", "YAML of more than 100,000 values"},
    {"E0105", "the text is not YAML"},
    {"E0106", "the file is empty"},
    {"E0107", "a second YAML document in one file"},
    {"E0108", "a key is given twice"},
    {"E0109", "a YAML anchor or alias"},
    {"E0110", "a YAML tag"},
    {"E0111", "a key that is a list or a map"},
    {"E0112", "the key 'tapeloop: 1' is missing"},
    {"E0113", "a version of the language that this program does not read"},
    {"E0114", "an unknown key"},
    {"E0115", "a value of the wrong kind: a list, a map or a word was expected"},
    {"E0116", "a required key is missing"},
    {"E0117", "a part of the language that comes with a later version"},
    {"E0118", "not a name: letters, digits and _, not a digit first"},
    {"E0119", "a name that ends like a tap"},
    {"E0120", "a word of the language as a name"},
    {"E0121", "a type other than float, int and bool"},
    {"E0122", "an unknown initialiser, or one with a wrong argument"},
    {"E0123", "the same name twice in a list"},
    {"E0201", "a character that no equation has"},
    {"E0202", "an equation that breaks off or goes on where it should not"},
    {"E0203", "* or / beside @ without parentheses"},
    {"E0204", "an equation nested too deep"},
    {"E0205", "an equation longer than 64 KiB"},
    {"E0206", "an empty equation"},
    {"E0207", "an option given twice in one call"},
    {"E0208", "an axis given twice in one tap"},
    {"E0209", "a series beside other arguments"},
    {"E0210", "a range that cannot be read"},
    {"E0211", "a {...} in a name that cannot be read"},
    {"E0390", "C++: values of two definitions in one equation"},
    {"E0391", "C++: not a name, or one that is taken"},
    {"E0392", "C++: a tap of something that is no value"},
    {"E0393", "C++: a definition that is not complete"},
    {"E0394", "C++: an equation nested too deep"},
    {"E0720", "a feed that is no JSON object of named arrays"},
    {"E0721", "an unknown name in a feed, or asked for by a program"},
    {"E0722", "something is missing in a feed"},
    {"E0723", "an array that is nested otherwise than expected"},
    {"E0724", "lengths that do not fit"},
    {"E0725", "gradients without a loss"},
    {"E0726", "arrays with different numbers of examples"},
    {"E0727", "an unknown loss, or one of an output that the model does not have"},
    {"E0730", "a size that nothing tells, in a model that is to be run"},
    {"E0731", "a value that was optimised away is asked for"},
    {"E0732", "an input on other axes than t, in a model that is run step by step"},
    {"E0750", "a data file whose quotes do not match"},
    {"E0751", "a row of a data file with more or fewer cells than the header"},
    {"E0752", "a cell that is no finite number where one is needed"},
    {"E0753", "a data file that is larger than what is read"},
    {"E0754", "a data file without a header, or with one that has a column twice or without a name"},
    {"E0801", "an unknown key in train:"},
    {"E0802", "a value of the wrong kind in train:"},
    {"E0803", "no number, or one out of its range, in train:"},
    {"E0804", "a required key of train: is missing"},
    {"E0805", "an unknown word in train:"},
    {"E0806", "the data file is not there"},
    {"E0807", "splits that overlap, or end before they start"},
    {"E0808", "keys of train: that contradict each other"},
    {"E0809", "an override of train: that cannot be applied"},
    {"E0810", "train: does not fit the model: its inputs, outputs, axes or shapes"},
    {"E0811", "a column that the data file does not have"},
    {"E0812", "a split without an example"},
    {"E0813", "a number that a scaling cannot take"},
    {"E0814", "a model without a loss is to be trained"},
    {"E0815", "a loss or gradient that is not finite"},
    {"E0816", "a model without train: is to be trained"},
    {"E0901", "a path that leads out of the model's directory"},
    {"E0902", "a file or folder that cannot be written"},
    {"E0903", "a file that cannot be read"},
    {"E0904", "a file that is larger than what is read"},
    {"E0905", "a file that is not what a safetensors file must be"},
    {"E0906", "weights that belong to another model"},
    {"E0910", "a model that is no file and no built-in one"},
    {"E0920", "an argument that is no KEY=VALUE"},
};

}  // namespace tapeloop
