// A library of the system that is loaded when it is first needed: programs that never need it start without it.
#pragma once

#include "base/result.h"

namespace hearth {

/// Loads a shared library for the rest of the process, such as "libcurl.so.4".
Result<void*> load_shared_library(const char* name);
/// A function of it; null when it has none of that name.
void* find_symbol(void* library, const char* name);

}  // namespace hearth
