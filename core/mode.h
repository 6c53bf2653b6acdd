// What a plan is made for. Kinds such as dropout do nothing outside training.
#pragma once

namespace tapeloop {

enum class Mode { kTrain, kEval, kDecode };

}  // namespace tapeloop
