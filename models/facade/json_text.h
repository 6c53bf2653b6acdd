// Results as JSON text: numbers with 17 significant digits, so that they read back as they were.
#pragma once

#include <string>
#include <string_view>

#include "core/array.h"

namespace tapeloop {

std::string json_number(double value);           // infinite and not a number are texts, which JSON has: "inf", "-inf", "nan"
std::string json_quoted(std::string_view text);  // with the quotes
template <class T>
std::string json_array(const Array<T>& array);  // nested lists; a scalar is a number

}  // namespace tapeloop
