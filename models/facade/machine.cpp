#include "models/facade/machine.h"

#include <fmt/format.h>

#include <thread>

#include "nodes/point_table.h"
#include "runtime/product_kernels.h"

namespace tapeloop {

std::string machine_text() {
  return fmt::format(
      "  instruction set  {} for point work, {} for products (as Highway calls them), chosen when it starts\n"
      "  products         Tapeloop's own, float and double; oneDNN is used by nobody but bench/\n"
      "  threads          {}\n",
      point_target(), product_target(), std::thread::hardware_concurrency());
}

}  // namespace tapeloop
