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
    {"E0901", "a path that leads out of the model's directory"},
};

}  // namespace tapeloop
