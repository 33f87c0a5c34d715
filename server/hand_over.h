// Where gRPC takes an object from one of its threads to another. It orders them by locks within its
// library, which is not compiled for the thread sanitizer: there, and only there, this tells it.
#pragma once

#include <version>  // _GLIBCXX_TSAN: __SANITIZE_THREAD__ is hidden from protobuf, and so from us

#ifdef _GLIBCXX_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace lathe::server {

// What this thread did to the object so far comes before what the next to take it does.
inline void hand_over([[maybe_unused]] void* object) {
#ifdef _GLIBCXX_TSAN
  __tsan_release(object);
#endif
}

inline void take_over([[maybe_unused]] void* object) {
#ifdef _GLIBCXX_TSAN
  __tsan_acquire(object);
#endif
}

}  // namespace lathe::server
