// The native engine's line in the registry.
#pragma once

#include "engine/registry.h"

namespace hearth::native {

Engine engine();

}  // namespace hearth::native
