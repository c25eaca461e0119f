// The fake engine's line in the registry.
#pragma once

#include "engine/registry.h"

namespace hearth::fake {

Engine engine();

}  // namespace hearth::fake
