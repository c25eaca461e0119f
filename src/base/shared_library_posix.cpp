// Shared libraries by dlopen.
#include <dlfcn.h>

#include "base/shared_library.h"

namespace hearth {

Result<void*> load_shared_library(const char* name) {
  if (void* const library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return library;
  const char* why = dlerror();
  return fail(ErrorCode::kNotInitialised, why ? why : name);
}

void* find_symbol(void* library, const char* name) {
  return dlsym(library, name);
}

}  // namespace hearth
