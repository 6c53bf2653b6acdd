// Where containers come from: files, and the models that are built in.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "compiler/pipeline.h"
#include "core/container.h"
#include "core/diagnostics.h"

namespace tapeloop {

// Reads a model: an existing file, else a built-in one by its name ("gru", "sunspots").
// Throws FileError where there is neither; what is wrong in the text is reported.
std::shared_ptr<const Container> open_container(const std::string& path_or_name, Diagnostics& diagnostics);

// Finds inner containers: what `use` says, a file beside the asking one, a built-in cell. Each text is read once. A path may
// lead below the asking file's folder only.
ContainerLoader make_loader();

}  // namespace tapeloop
