// The one header that a program includes.
//
//   Model::load, Model(container)      a model from YAML, or from core/api.h's Definition
//   Session<float|double>              compiled for the sizes of its data: forward, backward, values and gradients by name
//   Stepper<float|double>              one position at a time, states kept from step to step
//   Streams<float|double>              chunks of any length, states kept by the number of each stream
//   Training                           what the train: section says, and its Trainer for a loop of one's own
//   evaluate, verify_model             what `tapeloop run` and `tapeloop verify` do
//   gradient_flow                      which values a gradient reaches, by which way, how large
//   profile_model                      where the time goes, as `tapeloop profile` prints it
//
// Threads: a Model, a Compiled and its Plan do not change once they are made, and any number of threads may read them at a time. A
// Session, a Stepper, Streams, a Run and a Trainer belong to one thread each, with what they were given to read (parameters bound to a Run,
// the batch of a forward); several of one plan do not know of each other. Nothing is global but the built-in kinds, made once.
//
// Whatever is wrong with a model, a feed or data is thrown as one ModelError that lists all of it; files as FileError.
#pragma once

#include "core/api.h"                      // IWYU pragma: export
#include "models/facade/decode_text.h"     // IWYU pragma: export
#include "models/facade/evaluate.h"        // IWYU pragma: export
#include "models/facade/gradflow.h"        // IWYU pragma: export
#include "models/facade/kind_functions.h"  // IWYU pragma: export
#include "models/facade/model.h"           // IWYU pragma: export
#include "models/facade/profile.h"         // IWYU pragma: export
#include "models/facade/session.h"         // IWYU pragma: export
#include "models/facade/stepper.h"         // IWYU pragma: export
#include "models/facade/streams.h"         // IWYU pragma: export
#include "models/facade/train.h"           // IWYU pragma: export
#include "models/facade/verify.h"          // IWYU pragma: export
